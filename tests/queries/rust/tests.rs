pub fn real() {}

#[cfg(test)]
mod tests {
    use super::*;

    fn helper() {}

    #[test]
    fn works() {
        real();
    }

    #[tokio::test]
    async fn works_later() {}
}

#[allow(missing_docs, clippy::all)]
pub fn allowed() {
    let password = "hunter22";
    Command::new("sh").arg("-c").arg(format!("ls {password}")).spawn();
    client.query(&format!("select * from users where id = {id}"), &[]);
}
