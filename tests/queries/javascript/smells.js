const apiKey = "abcdefgh12345678";
const settings = { password: "hunter22", user: "me" };
client.token = "0123456789";

export function run(code, id) {
  eval(code);
  new Function("a", code);
  setTimeout("tick()", 10);
  setTimeout(() => tick(), 10);
  db.query(`select * from users where id = ${id}`);
  db.query("select * from users where id = " + id);
  db.query("select * from users where id = ?", [id]);
  child.exec(`ls ${id}`);
  execSync("ls " + id);
  pattern.exec(text);
}
