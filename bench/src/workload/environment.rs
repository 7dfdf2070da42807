//! `${NAME}` in header values, taken from the environment. A name that is not set is a mistake of the workload's user
//! and named; its value never appears in a message.

use super::model::Workload;

/// Replaces in place; what cannot be replaced is told with its path.
pub fn fill(
    workload: &mut Workload,
    environment: &dyn Fn(&str) -> Option<String>,
    tell: &mut dyn FnMut(String, String),
) {
    for (group, clients) in workload.clients.iter_mut().enumerate() {
        let headers = clients.headers.iter_mut();
        let headers = headers.map(|(name, value)| (format!("clients[{group}].headers.{name}"), value));
        let credentials = clients.credentials.iter_mut().enumerate();
        let credentials = credentials
            .map(|(index, credential)| (format!("clients[{group}].credentials[{index}].value"), &mut credential.value));
        for (path, value) in headers.chain(credentials) {
            match replaced(value, environment) {
                Ok(text) => *value = text,
                Err(what) => tell(path, what),
            }
        }
    }
}

fn replaced(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        done.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            return Err("`${` has no `}` after the name".to_owned());
        };
        let value = environment(name)
            .ok_or_else(|| format!("the environment has no `{name}`; set it, or write the value without `${{}}`"))?;
        done.push_str(&value);
        rest = tail;
    }
    done.push_str(rest);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_once_and_missing_ones_named() {
        let environment = |name: &str| match name {
            "KEY" => Some("k1".to_owned()),
            "NESTED" => Some("${KEY}".to_owned()),
            _ => None,
        };
        let check = |text: &str, want: &str| assert_eq!(replaced(text, &environment).as_deref(), Ok(want), "{text}");
        check("Bearer ${KEY}", "Bearer k1");
        check("${KEY}${KEY}", "k1k1");
        check("costs $5 {KEY}", "costs $5 {KEY}");
        check("${NESTED}", "${KEY}");
        let missing = replaced("Bearer ${TOKEN}", &environment).expect_err("it is not set");
        assert!(missing.contains("no `TOKEN`"), "{missing}");
        assert!(replaced("Bearer ${KEY", &environment).is_err());
    }
}
