// What happens while a page is open: how far a job is, and lists that change. All else works without this file. It writes texts only, never markup of others.
"use strict";

// Takes parts of the page anew from the service: for lists not while somebody is at work in one.
async function anew(parts, always) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
  if (!answer.ok || answer.redirected) { return false; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) {
    const fresh = page.getElementById(part.id);
    if (!fresh) { return false; }
    const isAtWork = part.contains(document.activeElement) || !document.getSelection().isCollapsed;
    if ((always || !isAtWork) && fresh.innerHTML !== part.innerHTML) { part.replaceChildren(...fresh.childNodes); }
  }
  return true;
}

// Lists that change.
for (const part of document.querySelectorAll("[data-again]")) {
  const wait = Number(part.dataset.again) * 1000;
  const look = async () => {
    let goesOn = true;
    if (!document.hidden) { goesOn = await anew([part], false).catch(() => true); }
    if (goesOn) { setTimeout(look, wait); }
  };
  setTimeout(look, wait);
}

// How far a job is. When it has ended, what came of it is taken from the service; the line that is read aloud stays and says so.
const job = document.querySelector("[data-events]");
if (job) {
  const events = new EventSource(job.dataset.events);
  const put = (id, text) => { const place = document.getElementById(id); if (place) { place.textContent = text; } };
  events.addEventListener("job", (event) => {
    const told = JSON.parse(event.data);
    const state = document.querySelector("#state .state");
    if (state) { state.textContent = told.state; state.className = `state ${told.state}`; }
    const progress = document.getElementById("progress");
    if (progress) { progress.value = told.progress; }
    put("percent", `${told.progress} %`);
    put("happens", told.message);
    if (told.state !== "queued" && told.state !== "running") {
      events.close();
      put("happens", `The job has ended: ${told.state}.`);
      anew([document.getElementById("facts"), document.getElementById("result")], true).catch(() => location.reload());
    }
  });
}
