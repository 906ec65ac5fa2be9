//! Positional parameters of a request, with errors that name the argument.

use jsonrpsee::types::Params;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::RpcError;

/// The arguments of one request, taken from left to right.
pub(crate) struct Args {
    values: std::vec::IntoIter<Value>,
    total: usize,
    next: usize,
}

impl Args {
    /// Reads the parameters; absent ones are an empty list.
    pub(crate) fn new(params: &Params<'_>) -> Result<Self, RpcError> {
        let values: Vec<Value> = match params.as_str() {
            None => Vec::new(),
            Some(raw) => serde_json::from_str::<Option<_>>(raw)
                .map_err(RpcError::NotAnArray)?
                .unwrap_or_default(),
        };
        Ok(Self {
            total: values.len(),
            values: values.into_iter(),
            next: 0,
        })
    }

    /// The next argument, which must be there.
    pub(crate) fn required<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
    ) -> Result<T, RpcError> {
        let index = self.next;
        self.optional(name)?
            .ok_or(RpcError::MissingArgument { index, name })
    }

    /// The next argument; `null` counts as absent.
    pub(crate) fn optional<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, RpcError> {
        let index = self.next;
        self.next += 1;
        match self.values.next() {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value).map(Some).map_err(|source| {
                RpcError::InvalidArgument {
                    index,
                    name,
                    source,
                }
            }),
        }
    }

    /// Refuses arguments nobody asked for: a client that sends them expects something else to happen.
    pub(crate) fn end(&self) -> Result<(), RpcError> {
        if self.total > self.next {
            return Err(RpcError::TooManyArguments {
                got: self.total,
                max: self.next,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;

    use super::*;

    #[test]
    fn a_wrong_argument_is_named() {
        let mut args = Args::new(&Params::new(Some(r#"["0x12"]"#))).expect("an array");

        let error = args.required::<Address>("address").expect_err("too short");

        assert!(
            error
                .to_string()
                .starts_with("invalid argument 0: address: "),
            "{error}"
        );
    }

    #[test]
    fn a_missing_argument_is_named() {
        let mut args = Args::new(&Params::new(None)).expect("no parameters are fine");
        let error = args.required::<Address>("address").expect_err("missing");
        assert_eq!(
            error.to_string(),
            "missing value for required argument 0: address"
        );
    }

    #[test]
    fn an_object_instead_of_an_array_is_refused() {
        assert!(matches!(
            Args::new(&Params::new(Some("{}"))),
            Err(RpcError::NotAnArray(_))
        ));
    }

    #[test]
    fn a_surplus_argument_is_refused() {
        let args = Args::new(&Params::new(Some("[1]"))).expect("an array");
        assert!(matches!(
            args.end(),
            Err(RpcError::TooManyArguments { got: 1, max: 0 })
        ));
    }
}
