/* Filters, deep links, keys, theme and copying. Without it the page is whole, only not filtered.
   The fragment of the URL holds either a scenario's id, or a step of it (`#as/pkce/x@3`), or the filter, as in
   `#?area=as/pkce&verdict=failed`. */
"use strict";
(() => {
  const THEMES = ["auto", "light", "dark"], STORED = "mcp-assay-theme", root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);

  const recall = () => { try { return localStorage.getItem(STORED); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem(STORED, theme); } catch { /* a page need not be allowed to store */ } };
  let theme = THEMES.includes(recall()) ? recall() : "auto";
  const applyTheme = () => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
  };
  applyTheme();

  document.addEventListener("DOMContentLoaded", () => {
    const form = one("#filter"), help = one("#help"), output = one("#shown"), clear = one("#filter [type=reset]");
    const buttons = all("[data-verdict]", form);
    const rows = all("details.r").map((element) => ({
      element,
      verdict: element.classList[1],
      role: element.dataset.role,
      area: element.id.split("/").slice(0, 2).join("/"),
      level: element.querySelector(".level").textContent,
      text: (element.id + " " + element.querySelector(".title").textContent).toLowerCase(),
    }));

    /* Filters */
    const chosen = () => {
      const data = Object.fromEntries(new FormData(form));
      const pressed = buttons.filter((button) => button.ariaPressed === "true");
      data.verdict = pressed.map((button) => button.dataset.verdict).join(",");
      return new URLSearchParams(Object.entries(data).filter(([, value]) => value));
    };
    const fits = (row, filter) => [...filter].every(([name, value]) =>
      name === "text" ? value.toLowerCase().split(/\s+/).every((word) => row.text.includes(word))
        : name === "verdict" ? value.split(",").includes(row.verdict) : row[name] === value);
    const apply = () => {
      const filter = chosen();
      let count = 0;
      for (const row of rows) {
        row.element.hidden = !fits(row, filter);
        count += !row.element.hidden;
      }
      for (const part of all(".group, section.verdict")) part.hidden = !part.querySelector(".r:not([hidden])");
      for (const section of all("section.verdict")) {
        const total = all(".r", section).length, left = all(".r:not([hidden])", section).length;
        section.querySelector(".number").textContent = left === total ? total : `${left} of ${total}`;
      }
      output.textContent = count === rows.length ? `${count} results` : `${count} of ${rows.length} results`;
      clear.hidden = !filter.size;
      return filter;
    };
    const fill = (filter) => {
      for (const name of ["text", "role", "area", "level"]) form.elements[name].value = filter.get(name) ?? "";
      const verdicts = (filter.get("verdict") ?? "").split(",");
      for (const button of buttons) button.ariaPressed = String(verdicts.includes(button.dataset.verdict));
    };
    const written = (filter) => "#" + (filter.size ? "?" + String(filter).replaceAll("%2F", "/").replaceAll("%2C", ",") : "");
    const changed = () => {
      const fragment = written(apply());
      try { history.replaceState(null, "", fragment); } catch { /* nor need it be allowed to change its URL */ }
    };
    const unfilter = () => { fill(new URLSearchParams()); changed(); };

    form.addEventListener("input", changed);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", (event) => { event.preventDefault(); unfilter(); form.elements.text.focus(); });
    for (const button of buttons) button.addEventListener("click", () => {
      button.ariaPressed = String(button.ariaPressed !== "true");
      changed();
    });
    for (const link of all("a[data-filter]")) link.href = "#?" + link.dataset.filter;

    /* Deep links */
    const decoded = (text) => { try { return decodeURIComponent(text); } catch { return text; } };
    const go = () => {
      const place = location.hash.slice(1);
      if (place.startsWith("?") || !place) {
        fill(new URLSearchParams(place.slice(1)));
        apply();
        if (place) one("#results").scrollIntoView();
        return;
      }
      const target = document.getElementById(decoded(place));
      if (!target) return;
      if (target.closest("[hidden]")) { fill(new URLSearchParams()); apply(); }
      for (let part = target.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
      target.scrollIntoView();
      (target.querySelector("summary") ?? target).focus({ preventScroll: true });
    };
    addEventListener("hashchange", go);
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[href^='#']");
      if (link && link.getAttribute("href") === location.hash) go();
    });

    /* Theme */
    const themeButton = one("#theme");
    const turn = (next) => { theme = next; themeButton.textContent = `Theme: ${theme}`; applyTheme(); keep(theme); };
    turn(theme);
    themeButton.addEventListener("click", () => turn(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]));

    /* Copying: a command line that was cut is not offered */
    for (const command of all("pre.curl:not(.short)")) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "copy", textContent: "Copy as curl" });
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(command.textContent);
          button.textContent = "Copied";
        } catch {
          getSelection().selectAllChildren(command);
          button.textContent = "Selected";
        }
      });
      command.before(button);
    }

    /* Keys */
    const step = (by) => {
      const seen = rows.filter((row) => !row.element.hidden).map((row) => row.element.firstElementChild);
      const at = seen.findIndex((summary) => summary.parentElement.contains(document.activeElement));
      const next = seen[at < 0 ? 0 : Math.min(Math.max(at + by, 0), seen.length - 1)];
      next?.focus();
      next?.scrollIntoView({ block: "nearest" });
    };
    const keys = {
      j: () => step(1), k: () => step(-1), x: unfilter, t: () => themeButton.click(), "?": () => help.showModal(),
      "/": () => { form.elements.text.focus(); form.elements.text.select(); },
    };
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, select, textarea, dialog");
      const wanted = one("#keys-on").checked && Object.hasOwn(keys, event.key);
      if (!wanted || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[event.key]();
    });
    one("#keys").addEventListener("click", () => help.showModal());

    for (const part of [form, one(".tools")]) part.hidden = false;
    apply();
    go();
    /* Once more: the browser's own way to the fragment, which ends with loading, takes the focus away. */
    addEventListener("load", () => { if (location.hash.length > 1) go(); });
  });
})();
