//! Every way of being wrong is counted as what it is, and the first of them is told.

use crate::load::tests::flawed::{Flaw, Flawed};
use crate::load::tests::{Standing, load};
use crate::record::Errors;

#[test]
fn every_kind_of_wrong_answer_is_counted_as_its_kind() {
    #[track_caller]
    fn check(flaw: Flaw, count: impl Fn(&Errors) -> u64, first: &[&str]) {
        let server = Flawed::new(flaw);
        let measured = load(server.addr, "seconds = 0.4, warmup_s = 0.1", "connections = 4").unwrap().measured;
        let errors = &measured.errors;
        assert!(count(errors) > 0, "{errors:?}");
        assert_eq!(count(errors), errors.total(), "{errors:?}");
        assert_eq!(measured.operations[0].error_count, errors.total());
        assert_eq!(measured.timeline.iter().map(|interval| interval.error_count).sum::<u64>(), errors.total());
        let told = errors.first.as_deref().unwrap();
        assert!(first.iter().all(|part| told.contains(part)), "{told}");
        assert!(measured.answer_count > 90 * errors.total(), "{} right: {errors:?}", measured.answer_count);
    }
    check(Flaw::AnswersThePreviousRequest, |errors| errors.wrong_content, &["echo", "answered 200", "\"result\""]);
    check(Flaw::Refuses, |errors| errors.wrong_status, &["echo", "answered 503"]);
    check(Flaw::LongerBody, |errors| errors.wrong_length, &["echo", "answered 200"]);
    check(Flaw::NoHttp, |errors| errors.malformed, &["echo", "NoStatusLine"]);
    check(Flaw::Closes, |errors| errors.lost, &["echo", "lost"]);
}

#[test]
fn a_right_server_is_found_right() {
    let server = Flawed::new(Flaw::None);
    let errors = load(server.addr, "seconds = 0.3, warmup_s = 0.1", "connections = 4").unwrap().measured.errors;
    assert_eq!(errors, Errors::default());
}

/// The open loop's own lateness is a share of the latencies: where there are none, it is no share of them.
#[test]
fn a_server_that_is_always_wrong_is_not_the_generator_s_limit() {
    let server = Standing::new("now");
    let clients = "connections = 2\nmix = [{ operation = \"call\", expect = { status = 201 } }]";
    let outcome = load(server.addr, "rate_rps = 100, seconds = 0.3, warmup_s = 0.0", clients).unwrap();
    assert_eq!(outcome.measured.errors.wrong_status, 30);
    assert!(!outcome.generator.is_at_ceiling, "{:?}", outcome.generator);
}
