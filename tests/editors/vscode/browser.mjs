/**
 * Starts the server of VS Code and shows it in a browser. Everything that is started ends with this process.
 */

import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** What would make two runs differ, or ask the network. */
const SETTINGS = {
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "chat.disableAIFeatures": true,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
  "workbench.welcomePage.walkthroughs.openOnInstall": false,
  "extensions.autoUpdate": false,
  "extensions.autoCheckUpdates": false,
  "extensions.ignoreRecommendations": true,
  "update.mode": "none",
  "git.enabled": false,
  "files.autoSave": "off",
};

/**
 * Waits for a promise, and fails with a sentence if it takes too long.
 */
export async function within(seconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${seconds} s in vain for ${what}`)), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Starts the server of VS Code on a port of its choice.
 *
 * @returns Its port, what it said, and how to end it.
 */
export async function startServer(job, environment) {
  // The user's settings come over the connection, and sometimes too late to be seen; those of the machine are there from the start.
  for (const folder of [join(job.folder, "user-data", "User"), join(job.folder, "user-data", "Machine")]) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "settings.json"), JSON.stringify({ ...SETTINGS, ...job.settings }, undefined, 2));
  }
  const said = [];
  const child = spawn(
    process.execPath,
    [
      job.server, "--host", "127.0.0.1", "--port", "0", "--without-connection-token", "--accept-server-license-terms",
      "--telemetry-level", "off", "--enable-smoke-test-driver",
      "--server-data-dir", join(job.folder, "server-data"), "--user-data-dir", join(job.folder, "user-data"),
      "--extensions-dir", job.extensions ?? join(job.folder, "extensions"),
    ],
    { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] },
  );
  const port = new Promise((resolve, reject) => {
    const listen = (chunk) => {
      said.push(String(chunk));
      const match = /listening on (\d+)/.exec(said.join(""));
      if (match) {
        resolve(Number(match[1]));
      }
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`the server of VS Code ended with ${code}: ${said.join("")}`)));
  });
  // Nobody waits any more when the server is ended in good order.
  port.catch(() => {});
  const end = () => {
    child.removeAllListeners("exit");
    child.kill("SIGTERM");
  };
  process.on("exit", end);
  return { port: await within(60, "the server of VS Code", port), said, end };
}

/**
 * Opens a page in a browser that nobody looks at.
 */
export async function openBrowser(job) {
  const { chromium } = createRequire(import.meta.url)(job.playwright);
  const browser = await chromium.launch({
    executablePath: job.chromium,
    // In a container there is no sandbox to be had, and little shared memory.
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(60_000);
  return { browser, page };
}
