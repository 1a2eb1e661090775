//! Starts real PostgreSQL servers on ports of this machine, and ends them also when a test is killed.
//!
//! Runners of tests may start a process for each test, so the shared server outlives any of them: each holds a shared lock on a file
//! while it lives, and a guard, which is this program itself, ends the server when nobody holds it any more.

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Tells this program that it is a guard, and of which folder.
const GUARD_OF: &str = "CODE_AGENT_TESTS_GUARD_OF";

/// How long a server stays after the last test, because the next one may begin a moment later.
const LINGERS: Duration = Duration::from_secs(4);

/// Where a server is. It ends with this value, or, if that is killed with its process, a little later.
pub struct Server {
    folder: PathBuf,
    pub port: u16,
}

impl Server {
    /// Makes and starts one for a single test.
    pub fn start_alone(folder: &Path) -> (Self, File) {
        let users = lock_file(folder, "users");
        users.lock_shared().expect("a lock");
        guard(folder);
        (Self::start(folder), users)
    }

    /// Lets it hang: connections stay, and nothing is answered.
    pub fn freeze(&self) {
        signal(&self.folder, "-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        signal(&self.folder, "-CONT");
    }

    /// Makes and starts one in a folder.
    fn start(folder: &Path) -> Self {
        // Whoever the server runs as has to get in.
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711)).expect("our folder");
        let data = folder.join("data");
        std::fs::create_dir(&data).expect("a folder for the data");
        if is_root() {
            assert!(Command::new("chown").arg("postgres").arg(&data).status().expect("chown runs").success());
        }
        let data = data.to_string_lossy();
        let arguments = ["-D", &data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
        succeeded(&as_postgres("initdb", &arguments), "initdb");
        for _ in 0..5 {
            let server = Self { folder: folder.to_owned(), port: free_port() };
            if server.try_to_run() {
                return server;
            }
        }
        panic!("PostgreSQL does not start; its log is {}", folder.join("data/log").display());
    }

    /// Starts it again on its port.
    pub fn run_again(&self) {
        assert!(self.try_to_run(), "PostgreSQL does not start again on port {}", self.port);
    }

    /// Ends it as a crash would, all its connections too.
    pub fn stop(&self) {
        stop_in(&self.folder);
    }

    /// The address of a database on it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    fn try_to_run(&self) -> bool {
        // What is tested is whether we wait for its answers, not whether its disk works.
        let options = format!(
            "-c listen_addresses=127.0.0.1 -p {} -c unix_socket_directories= -c fsync=off -c max_connections=200",
            self.port
        );
        let data = self.folder.join("data");
        let (data, log) = (data.to_string_lossy(), data.join("log"));
        let arguments = ["-D", &data, "-l", &log.to_string_lossy(), "-w", "-t", "60", "-o", &options, "start"];
        as_postgres("pg_ctl", &arguments).status.success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The server that all tests share. It is started by the first and ended some seconds after the last.
pub fn shared_server() -> &'static Server {
    static SHARED: OnceLock<(Server, File)> = OnceLock::new();
    &SHARED
        .get_or_init(|| {
            let folder = std::env::temp_dir().join("code-agent-tests-postgres");
            std::fs::create_dir_all(&folder).expect("a folder");
            let starting = lock_file(&folder, "starting");
            starting.lock().expect("a lock");
            let users = lock_file(&folder, "users");
            users.lock_shared().expect("a lock");
            let port_file = folder.join("port");
            let port = std::fs::read_to_string(&port_file).ok().and_then(|text| text.parse().ok());
            if let Some(port) = port.filter(|&port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()) {
                return (Server { folder, port }, users);
            }
            clear(&folder);
            let server = Server::start(&folder);
            std::fs::write(&port_file, server.port.to_string()).expect("it is noted");
            guard(&folder);
            (server, users)
        })
        .0
}

/// Starts a process that ends the server of a folder when nobody holds its lock any more.
fn guard(folder: &Path) {
    #[expect(clippy::zombie_processes, reason = "it outlives this process, and nobody waits for it")]
    let _guard = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "servers::guards_the_server_for_other_tests"])
        .env(GUARD_OF, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // It has to live on when the tests are killed together.
        .process_group(0)
        .spawn()
        .expect("a guard");
}

/// Not a test but the guard, when it is started as such.
#[test]
fn guards_the_server_for_other_tests() {
    let Some(folder) = std::env::var_os(GUARD_OF).map(PathBuf::from) else { return };
    // A server of one test is gone already if the test came to its end.
    let Ok(users) = OpenOptions::new().write(true).open(folder.join("users")) else { return };
    loop {
        users.lock().expect("a lock");
        users.unlock().expect("a lock");
        std::thread::sleep(LINGERS);
        if users.try_lock().is_ok() {
            break;
        }
    }
    clear(&folder);
    users.unlock().expect("a lock");
    // It has thousands of files, and nobody should have to wait for that. Another guard may remove the same.
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("gone-") {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    if !folder.join("starting").exists() {
        // It was the server of a single test, which was killed and so did not remove its folder.
        let _ = std::fs::remove_dir_all(&folder);
    }
}

/// Ends a server as a crash would, also one that is frozen.
fn stop_in(folder: &Path) {
    signal(folder, "-CONT");
    as_postgres("pg_ctl", &["-D", &folder.join("data").to_string_lossy(), "-m", "immediate", "-w", "stop"]);
}

/// A signal to all processes of a server, if it runs.
fn signal(folder: &Path, signal: &str) {
    let Ok(pid) = std::fs::read_to_string(folder.join("data/postmaster.pid")) else { return };
    let pid = pid.lines().next().expect("a number").to_owned();
    let children = Command::new("ps").args(["-o", "pid=", "--ppid", &pid]).output().expect("ps runs");
    let children = String::from_utf8(children.stdout).expect("numbers");
    let all = std::iter::once(pid.as_str()).chain(children.split_whitespace());
    // One of them may have ended by itself meanwhile.
    Command::new("kill").arg(signal).args(all).stderr(Stdio::null()).status().expect("kill runs");
}

/// Ends what runs in the folder of the shared server, and puts it aside.
fn clear(folder: &Path) {
    let data = folder.join("data");
    if data.exists() {
        stop_in(folder);
        let aside = folder.join(format!("gone-{}", std::process::id()));
        std::fs::rename(&data, aside).expect("it is put aside");
    }
    if folder.join("port").exists() {
        std::fs::remove_file(folder.join("port")).expect("it is removed");
    }
}

fn lock_file(folder: &Path, name: &str) -> File {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).open(folder.join(name)).expect("a file to lock")
}

/// Runs a program of PostgreSQL, which never runs as root.
fn as_postgres(program: &str, arguments: &[&str]) -> Output {
    let path = programs().join(program);
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(path);
        command
    } else {
        Command::new(path)
    };
    // The server inherits what is open, and a runner of tests waits until nobody has it any more; so files and no pipes.
    let scratch = tempfile::tempdir().expect("a folder");
    let (out, err) = (scratch.path().join("out"), scratch.path().join("err"));
    let status = command
        .args(arguments)
        .current_dir("/")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(File::create(&out).expect("a file"))
        .stderr(File::create(&err).expect("a file"))
        .status()
        .expect("PostgreSQL must be installed: these tests run against a real one (apt-get install postgresql)");
    let read = |path: &Path| std::fs::read(path).expect("a file");
    Output { status, stdout: read(&out), stderr: read(&err) }
}

fn succeeded(output: &Output, what: &str) {
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Debian keeps them out of the path, one folder for each version.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    folders.max().unwrap_or_default()
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id runs");
    output.stdout.starts_with(b"0\n")
}

/// A port that nobody uses now. It may be taken before it is used, which is tried again then.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Waits for something that comes about by itself.
pub async fn wait<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
