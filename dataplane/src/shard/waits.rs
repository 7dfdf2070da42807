//! Who waits for what on a shard, counted: while somebody waits for something that only the executor's reactor brings, it has
//! its turn at once and not with the next tick. It never waits itself.

use std::cell::Cell;
use std::rc::Rc;

/// The counts of one shard.
#[derive(Default)]
pub struct Waits {
    /// Requests that wait for something else than their client.
    holds: Cell<usize>,
    /// Calls that wait for their client to answer a question.
    questions: Cell<usize>,
}

impl Waits {
    /// A request waits for something else than its client, for as long as what is returned lives.
    pub fn hold(self: &Rc<Waits>) -> Wait {
        Wait::new(self, |waits| &waits.holds)
    }

    /// A call waits for its client after all, for as long as what is returned lives.
    pub fn question(self: &Rc<Waits>) -> Wait {
        Wait::new(self, |waits| &waits.questions)
    }

    /// Requests that wait for something else than their client.
    pub fn holds(&self) -> usize {
        self.holds.get()
    }

    /// Calls that wait for their client.
    pub fn questions(&self) -> usize {
        self.questions.get()
    }
}

/// One that waits.
pub struct Wait {
    waits: Rc<Waits>,
    count: fn(&Waits) -> &Cell<usize>,
}

impl Wait {
    fn new(waits: &Rc<Waits>, count: fn(&Waits) -> &Cell<usize>) -> Wait {
        count(waits).set(count(waits).get() + 1);
        Wait { waits: Rc::clone(waits), count }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let count = (self.count)(&self.waits);
        count.set(count.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_while_it_waits() {
        let waits: Rc<Waits> = Rc::default();
        let (one, two, question) = (waits.hold(), waits.hold(), waits.question());
        assert_eq!((waits.holds(), waits.questions()), (2, 1));
        drop(one);
        drop(question);
        assert_eq!((waits.holds(), waits.questions()), (1, 0));
        drop(two);
        assert_eq!(waits.holds(), 0);
    }
}
