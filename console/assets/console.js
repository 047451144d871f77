"use strict";
// Everything works without this script: it shows times in the reader's zone, keeps pages fresh, and adds keys.
(() => {
  const SLOW_MS = 60000, FAST_MS = 15000, PART_MS = 300000;
  const body = document.body, bar = document.getElementById("state");
  const words = body.dataset;
  let tag = "", timer = 0, busy = false;

  // Times: the reader's zone first, UTC beside.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const format = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" });
  function localTimes(root) {
    for (const each of root.querySelectorAll("time[datetime]")) {
      const at = new Date(each.dateTime);
      if (!each.dataset.utc && !isNaN(at)) {
        each.dataset.utc = each.textContent;
        const here = format.format(at), utc = each.dataset.utc;
        // The day stands once, unless it is another one in UTC.
        if (zone !== "UTC") each.textContent = `${here} (${here.slice(0, 10) === utc.slice(0, 10) ? utc.slice(11) : utc})`;
      }
    }
  }

  function remembered(store, name, value) {
    try {
      if (value !== undefined) store.setItem(name, value);
      return store.getItem(name);
    } catch { return value; } // a browser that keeps nothing: until the next page
  }

  // Somebody reads or works here: nothing may move under their hands.
  function occupied() {
    const chosen = getSelection();
    const typed = document.activeElement;
    return (chosen && !chosen.isCollapsed) || document.querySelector("[data-hold][open]") !== null
      || document.querySelector("main input[type=checkbox]:checked") !== null
      || (typed instanceof HTMLElement && typed.matches("main input:not([type=checkbox]), main select"));
  }

  function say(text, kind) {
    if (bar && (bar.textContent !== text || bar.className !== `state ${kind}`)) {
      bar.textContent = text;
      bar.className = `state ${kind}`;
    }
  }

  // Updates stop for who wants a page that stands still; the tab keeps that (WCAG 2.2.2).
  const STILL = "replank-still", switchOf = document.getElementById("updates");
  let still = remembered(sessionStorage, STILL) === "yes";
  function showUpdates() {
    switchOf.textContent = still ? switchOf.dataset.off : switchOf.dataset.on;
    switchOf.hidden = false;
    if (still) say(words.paused, "waits");
  }
  if (switchOf) {
    switchOf.addEventListener("click", () => {
      still = !still;
      remembered(sessionStorage, STILL, still ? "yes" : "no");
      showUpdates();
      if (!still) refresh(true);
      plan();
    });
    showUpdates();
  }

  async function refresh(asked) {
    if (still && !asked) return;
    if (busy || (!asked && occupied())) {
      say(words.waits, "waits");
      return;
    }
    busy = true;
    try {
      const answer = await fetch(location.href.replace(/([?&])done=[^&]*&?/, "$1").split("#")[0],
        { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store", redirect: "error" });
      if (answer.status === 401) return location.reload();
      if (answer.status === 200) {
        const text = await answer.text();
        tag = answer.headers.get("ETag") || "";
        if (!asked && occupied()) return say(words.waits, "waits");
        swap(new DOMParser().parseFromString(text, "text/html"));
      } else if (answer.status !== 304) throw new Error(String(answer.status));
      say(`${words.fresh} ${new Date().toLocaleTimeString("sv-SE")}`, "");
    } catch {
      say(words.lost, "lost");
    } finally {
      busy = false;
    }
  }

  // What takes the API a while comes after the page, and stays for a time. Until then its place has a link.
  async function parts() {
    for (const place of document.querySelectorAll("[data-part]")) {
      if (Date.now() - (place.dataset.at || 0) < PART_MS) continue;
      place.dataset.at = Date.now();
      try {
        const answer = await fetch(place.dataset.part, { cache: "no-store", redirect: "error" });
        if (!answer.ok || !place.isConnected) continue;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        localTimes(page);
        place.replaceChildren(...page.body.childNodes);
      } catch { /* the link stays */ }
    }
  }

  // The new content takes the old one's place; what was open, and where the reader stood, stays.
  function swap(page) {
    const fresh = page.getElementById("main"), old = document.getElementById("main");
    if (!fresh || !old) return;
    localTimes(fresh);
    words.live = page.body.dataset.live; // a plan that is made needs no more looks
    for (const place of fresh.querySelectorAll("[data-part]")) {
      const had = old.querySelector(`[data-part="${CSS.escape(place.dataset.part)}"]`);
      if (had) place.replaceWith(had.cloneNode(true));
    }
    if (fresh.innerHTML === old.innerHTML) return;
    const open = [...old.querySelectorAll("details")].map((each) => each.open);
    const focused = [...old.querySelectorAll("a,button,input,select,summary,[tabindex]")].indexOf(document.activeElement);
    const scrolled = [...old.querySelectorAll(".wide")].map((each) => each.scrollLeft);
    old.replaceChildren(...fresh.childNodes);
    old.querySelectorAll("details").forEach((each, n) => { if (each.matches(".fold")) each.open = open[n] || false; });
    old.querySelectorAll(".wide").forEach((each, n) => { each.scrollLeft = scrolled[n] || 0; });
    if (focused >= 0) old.querySelectorAll("a,button,input,select,summary,[tabindex]")[focused]?.focus({ preventScroll: true });
    const held = page.querySelector("body > .banner"), shown = document.querySelector("body > .banner");
    if (shown) shown.remove();
    if (held) document.querySelector("header").after(held);
    parts();
  }

  function plan() {
    clearTimeout(timer);
    if (!words.live || still) return;
    timer = setTimeout(async () => { await refresh(false); plan(); }, document.hidden ? SLOW_MS : FAST_MS);
  }

  // Selecting rows.
  function countSelected(form) {
    const number = form.querySelectorAll("input[name=m]:checked").length;
    const place = form.querySelector("[data-count]");
    place.dataset.empty ||= place.textContent;
    place.textContent = number ? String(number) : place.dataset.empty;
  }
  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-select]");
    if (!form) return;
    if (event.target.matches("[data-all]"))
      form.querySelectorAll("input[name=m]").forEach((each) => { each.checked = event.target.checked; });
    countSelected(form);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    // Without the script the browser sends m=..&m=..; one parameter with commas is the same, and shorter.
    if (form.method === "post") {
      if (form.dataset.sent) return event.preventDefault();
      form.dataset.sent = "yes";
      const button = event.submitter;
      if (button) setTimeout(() => { button.disabled = true; button.textContent = words.busy; }, 0);
    }
  });
  // A row more or less: the server makes the rows again of what was typed. What was typed stays if it cannot.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[name=row]");
    if (!button) return;
    event.preventDefault();
    const form = button.form, data = new URLSearchParams(new FormData(form)), name = button.closest("[data-rows]").dataset.rows;
    data.append("row", button.value);
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html"), at = `[data-rows="${CSS.escape(name)}"]`;
      form.querySelector(at).replaceWith(page.querySelector(at));
      const place = form.querySelector(at), last = place.querySelector(".row:last-of-type input");
      (button.value.startsWith("add") && last ? last : place.querySelector("button[value^=add]")).focus();
    } catch {
      const said = button.parentElement.querySelector(".fault") || button.parentElement.appendChild(document.createElement("strong"));
      said.className = "fault";
      said.setAttribute("role", "alert");
      said.textContent = words.lost;
    }
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // One panel is open at a time; its first field has the focus.
  document.addEventListener("toggle", (event) => {
    const panel = event.target;
    if (!panel.matches("details.act")) return;
    if (panel.open) {
      document.querySelectorAll("details.act[open]").forEach((each) => { if (each !== panel) each.open = false; });
      (panel.querySelector("input:not([type=hidden])") || panel.querySelector("button")).focus();
    } else plan();
  }, true);

  // Keys. None of them acts: they move and look. Whoever speaks to the browser can switch the single ones off (WCAG 2.1.4).
  const OFF = "replank-keys-off", button = document.getElementById("keys");
  let silent = remembered(localStorage, OFF) === "yes";
  function showKeys() {
    button.textContent = silent ? button.dataset.off : button.dataset.on;
    button.hidden = false;
  }
  if (button) {
    button.addEventListener("click", () => { silent = !silent; remembered(localStorage, OFF, silent ? "yes" : "no"); showKeys(); });
    showKeys();
  }
  const PAGES = { o: "/console/", i: "/console/inventory", p: "/console/plan", b: "/console/batches", s: "/console/snapshots", a: "/console/audit", y: "/console/system" };
  let going = false;
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
    if (event.key === "Escape") {
      const panel = document.querySelector("details.act[open]");
      if (panel) { panel.open = false; panel.querySelector("summary").focus(); }
      return;
    }
    if (silent || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (going && PAGES[key]) location.href = PAGES[key];
    going = key === "g";
    if (key === "r") refresh(true);
    if (key === "/") {
      const field = document.querySelector("[role=search] input[type=search]") || document.querySelector("[role=search] input:not([type=hidden])");
      if (field) { event.preventDefault(); field.focus(); }
    }
  });

  // Five minutes before the session ends the page says so. Signing in elsewhere extends it, and this page learns of it (WCAG 2.2.1).
  const WARN_MS = 300000, ends = document.getElementById("ends");
  async function watchSession() {
    if (!ends) return;
    if (!ends.hidden) {
      try {
        const answer = await fetch("/console/session", { cache: "no-store", redirect: "error" });
        if (answer.ok) words.until = (await answer.text()).trim();
      } catch { /* asked again */ }
    }
    const at = new Date(Number(words.until) * 1000);
    ends.hidden = at - Date.now() > WARN_MS;
    if (!ends.hidden) document.getElementById("ends-at").textContent = format.format(at);
    setTimeout(watchSession, ends.hidden ? Math.min(at - Date.now() - WARN_MS + 1000, 3600000) : 10000);
  }
  document.addEventListener("replank-session", watchSession); // tests put the end nearer
  watchSession();

  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(false); plan(); });
  const named = document.getElementById("zone");
  if (named) named.textContent = `(${zone})`;
  localTimes(document);
  parts();
  plan();
})();
