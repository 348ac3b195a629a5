"use strict";
// Puts the steps of the stream into the tree and keeps the tables new. Without it the page shows what there was when it was loaded.
(() => {
  const most = 500;
  const tree = document.getElementById("tree");
  const button = document.getElementById("live");
  const status = document.getElementById("status");
  const early = new Map(); // steps whose parent has not ended, by its id
  let stream = null;
  let refreshing = false;
  let behind = false; // steps may have been sent that the stream has not told

  // Screen readers read the status out whenever it is set.
  const say = (text) => {
    if (status.textContent !== text) status.textContent = text;
  };

  const find = (id) => tree.querySelector(`li[data-id="${id}"]`);

  // The server has escaped the fragment as it does the page.
  const made = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.querySelector("li");
  };

  const show = (step) => {
    const li = made(step.html);
    if (!li || find(step.id)) return;
    const list = li.querySelector(":scope > ul");
    const children = (early.get(step.id) || []).sort((a, b) => a.dataset.id - b.dataset.id);
    early.delete(step.id);
    for (const child of children) find(child.dataset.id)?.remove(); // the page has shown it as a tree of its own
    list.prepend(...children);
    const parent = step.parent && find(step.parent);
    if (parent) {
      parent.querySelector(":scope > ul").append(li);
    } else if (step.parent && step.open) {
      early.set(step.parent, [...(early.get(step.parent) || []), li]);
      if (early.size > most) early.delete(early.keys().next().value);
    } else {
      tree.prepend(li);
      while (tree.children.length > most) tree.lastElementChild.remove();
    }
  };

  // What was sent while no stream was open is in the page alone.
  const fill = (trees) => {
    for (const li of [...trees.children]) {
      if (find(li.dataset.id)) continue;
      for (const inner of li.querySelectorAll("li[data-id]")) find(inner.dataset.id)?.remove();
      tree.insertBefore(li, [...tree.children].find((other) => other.dataset.id - li.dataset.id < 0) || null);
    }
    while (tree.children.length > most) tree.lastElementChild.remove();
    behind = false;
  };

  // The tables come from the page itself. Their sections stay, so that the focus does.
  const refresh = async () => {
    if (refreshing || document.hidden) return;
    refreshing = true;
    try {
      const answer = await fetch("./");
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of ["#receivers tbody", "#sends tbody", "#lanes tbody", "#waiting tbody", "#summary"]) {
        const now = page.querySelector(part);
        if (now) document.querySelector(part)?.replaceChildren(...now.childNodes);
      }
      if (behind && stream) fill(page.querySelector("#tree"));
    } catch {
      // The stream says when the server is gone.
    } finally {
      refreshing = false;
    }
  };

  const start = () => {
    stream = new EventSource("events");
    button.setAttribute("aria-pressed", "true");
    say("Connecting.");
    stream.addEventListener("open", () => { behind = true; });
    stream.addEventListener("step", (e) => show(JSON.parse(e.data)));
    stream.addEventListener("state", (e) => {
      const state = JSON.parse(e.data);
      const dropped = state.dropped ? ` ${state.dropped} steps were dropped, because this page did not keep up.` : "";
      say(`Connected.${dropped}`);
      refresh();
    });
    stream.addEventListener("error", () => {
      if (!stream) return;
      say(stream.readyState === EventSource.CLOSED ? "The stream has ended." : "Not connected, trying again.");
    });
  };

  const stop = () => {
    stream.close();
    stream = null;
    early.clear();
    button.setAttribute("aria-pressed", "false");
    say("Paused.");
  };

  button.addEventListener("click", () => (stream ? stop() : start()));
  document.addEventListener("visibilitychange", refresh);
  button.hidden = false;
  start();
})();
