/// Opens it.
///
/// # Errors
///
/// If it is not there.
pub fn open(path: &str, size: usize) -> Result<File, Error> {
    if path.is_empty() {
        return Err(Error::Empty);
    }
    let found = lookup(path).ok_or_else(|| Error::NotFound(path.into()))?;
    let text = read(found)?;
    let Some(first) = text.first() else { return Err(Error::Parse { line: 1 }) };
    let all = text.parse().map_err(Error::Number)?;
    ensure!(size < 3, "too big");
    if first == all {
        bail!("same");
    }
    if size > 9 {
        return Err(io::Error::new(io::ErrorKind::Other, "size").into());
    }
    match all {
        0 => Ok(File),
        1 => Err("one".to_string()),
        2 => {
            if size == 2 {
                Err(Error::Two)
            } else {
                other(Err(Error::Inner))
            }
        }
        _ => Err(error),
    }
}

/// Breaks off.
pub fn check(values: &[u32], limit: u32) -> u32 {
    assert!(limit > 1 && limit < 9, "limit {limit}");
    assert_eq!(values.len(), 3);
    debug_assert!(limit > 2);
    let first = values.first().unwrap();
    let second = values.get(1).expect("a second value");
    let inner = || values[0].checked_add(1).unwrap();
    if first > second {
        panic!("out of order");
    }
    if limit == 7 {
        unreachable!();
    }
    todo!()
}

fn later() {
    unimplemented!("later")
}
