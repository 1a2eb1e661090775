API_KEY = "abcdefgh12345678"


def run(code, name, password="hunter22"):
    eval(code)
    exec(f"x = {name}")
    eval("1 + 1")
    os.system("ls " + name)
    subprocess.run(f"ls {name}", shell=True)
    subprocess.run(["ls", name])
    cursor.execute(f"select * from users where name = {name}")
    cursor.execute("select * from users where name = ?", (name,))
    pickle.loads(code)
    yaml.load(code)
    yaml.load(code, Loader=SafeLoader)
    config = {"secret": "0123456789"}
