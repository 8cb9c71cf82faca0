//! How many octets commands and answers are on the wire (RESP3, the Redis
//! serialization protocol).

use redis::{Arg, Cmd, Value};

/// The octets of a command: an array of strings.
pub(super) fn command_octets(command: &Cmd) -> usize {
    let arguments = command.args_iter().map(|argument| match argument {
        Arg::Simple(octets) => string_octets(octets.len()),
        // Other kinds are never made here.
        _ => 0,
    });
    1 + digits(command.args_iter().len() as u64) + 2 + arguments.sum::<usize>()
}

/// The octets of an answer, for the kinds of answers that the store asks for.
pub(super) fn value_octets(value: &Value) -> usize {
    match value {
        Value::Nil => 3,
        Value::Int(number) => 1 + usize::from(*number < 0) + digits(number.unsigned_abs()) + 2,
        Value::BulkString(octets) => string_octets(octets.len()),
        Value::SimpleString(text) => 1 + text.len() + 2,
        Value::Okay => 5,
        Value::Array(values) | Value::Set(values) => {
            head_octets(values.len()) + values.iter().map(value_octets).sum::<usize>()
        }
        Value::Map(pairs) => {
            let pair = |(key, value): &(Value, Value)| value_octets(key) + value_octets(value);
            head_octets(pairs.len()) + pairs.iter().map(pair).sum::<usize>()
        }
        // "=", length, the format and a colon, the text.
        Value::VerbatimString { text, .. } => string_octets(text.len() + 4),
        // "-", code, and what else it says.
        Value::ServerError(error) => {
            let details = error.details().map_or(0, |details| details.len() + 1);
            1 + error.code().len() + details + 2
        }
        Value::Boolean(_) => 4,
        _ => 0,
    }
}

fn string_octets(length: usize) -> usize {
    head_octets(length) + length + 2
}

fn head_octets(length: usize) -> usize {
    1 + digits(length as u64) + 2
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_as_long_as_the_library_packs_them() {
        for arguments in [vec![], vec![""], vec!["0123456789"; 12]] {
            let mut command = redis::cmd("MGET");
            for argument in arguments {
                command.arg(argument);
            }
            let packed = command.get_packed_command();
            assert_eq!(command_octets(&command), packed.len());
        }
    }

    #[test]
    fn answers_are_as_long_as_the_library_reads_them() {
        for answer in [
            "_\r\n",
            ":0\r\n",
            ":-120\r\n",
            "$0\r\n\r\n",
            "$10\r\n0123456789\r\n",
            "+PONG\r\n",
            "+OK\r\n",
            "*2\r\n:1\r\n*1\r\n$1\r\nx\r\n",
            "%1\r\n$1\r\na\r\n_\r\n",
            "=7\r\ntxt:abc\r\n",
            "-ERR no such thing\r\n",
            "-NOSCRIPT No matching script.\r\n",
            "#t\r\n",
        ] {
            let value = redis::parse_redis_value(answer.as_bytes()).unwrap();
            assert_eq!(value_octets(&value), answer.len(), "{answer:?}");
        }
    }
}
