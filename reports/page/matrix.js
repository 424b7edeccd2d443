/* Areas that open, filters, deep links and the theme. Without it the page is whole, with every area open.
   The fragment of the URL holds an area's or a scenario's id, or the filter, as in `#?text=refresh&show=differing`. */
"use strict";
(() => {
  const THEMES = ["auto", "light", "dark"], STORED = "mcp-assay-theme", root = document.documentElement;
  const one = (selector) => document.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  const recall = () => { try { return localStorage.getItem(STORED); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem(STORED, theme); } catch { /* a page need not be allowed to store */ } };
  let theme = THEMES.includes(recall()) ? recall() : "auto";
  const applyTheme = () => { if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme; };
  applyTheme();

  document.addEventListener("DOMContentLoaded", () => {
    const form = one("#filter"), found = one("#found"), everything = one("#all");
    const areas = all("tbody.area").map((head) => {
      const body = head.nextElementSibling, cell = head.querySelector("th"), number = cell.querySelector(".number");
      const rows = all("tr", body).map((element) => ({
        element,
        tags: element.dataset.tags.split(" "),
        text: (element.id + " " + element.querySelector("th").textContent).toLowerCase(),
      }));
      return { head, body, cell, number, rows, id: body.id, open: false };
    });
    const total = areas.reduce((sum, area) => sum + area.rows.length, 0);

    /* Areas that open */
    const filtered = () => Boolean(form.elements.text.value.trim() || form.elements.show.value);
    const opened = (area) => area.open || filtered();
    const draw = () => {
      for (const area of areas) {
        const left = area.rows.filter((row) => !row.element.hidden).length;
        area.head.hidden = !left;
        area.body.hidden = !left || !opened(area);
        area.button.ariaExpanded = String(opened(area));
        area.number.textContent = left === area.rows.length ? left : `${left} of ${area.rows.length}`;
      }
      const count = areas.reduce((sum, area) => sum + area.rows.filter((row) => !row.element.hidden).length, 0);
      found.textContent = filtered() ? `${count} of ${total} scenarios` : "";
      everything.ariaPressed = String(areas.every((area) => area.open));
      everything.disabled = filtered();
    };
    areas.forEach((area, place) => {
      area.button = document.createElement("button");
      area.button.type = "button";
      area.button.setAttribute("aria-controls", area.id);
      area.cell.prepend(area.button);
      area.button.append(area.cell.querySelector(".id"));
      area.button.addEventListener("click", () => { area.open = !area.open; draw(); });
      area.button.addEventListener("keydown", (event) => {
        const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (!by) return;
        event.preventDefault();
        for (let next = place + by; areas[next]; next += by) if (!areas[next].head.hidden) { areas[next].button.focus(); break; }
      });
    });
    everything.addEventListener("click", () => {
      const open = everything.ariaPressed !== "true";
      for (const area of areas) area.open = open;
      draw();
    });

    /* Filters */
    const apply = () => {
      const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean), show = form.elements.show.value;
      for (const area of areas) for (const row of area.rows) {
        row.element.hidden = !(words.every((word) => row.text.includes(word)) && (!show || row.tags.includes(show)));
      }
      draw();
    };
    const changed = () => {
      const filter = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
      history.replaceState(null, "", "#" + (filter.size ? `?${filter}` : ""));
      apply();
    };
    form.addEventListener("input", changed);
    form.addEventListener("submit", (event) => event.preventDefault());

    /* Deep links */
    const decoded = (text) => { try { return decodeURIComponent(text); } catch { return text; } };
    const fill = (filter) => { for (const name of ["text", "show"]) form.elements[name].value = filter.get(name) ?? ""; };
    const go = () => {
      const place = location.hash.slice(1), name = decoded(place);
      const area = areas.find(({ id }) => name === id || name.startsWith(`${id}/`));
      if (area) area.open = true;
      fill(new URLSearchParams(place.startsWith("?") ? place.slice(1) : ""));
      apply();
      const target = area && (name === area.id ? area.head : document.getElementById(name));
      if (!target) return;
      scrollTo({ left: 0, top: target.getBoundingClientRect().top + scrollY - innerHeight / 3 });
      target.querySelector("button, a").focus({ preventScroll: true });
    };
    addEventListener("hashchange", go);

    /* Theme */
    const themeButton = one("#theme");
    const turn = (next) => { theme = next; themeButton.textContent = `Theme: ${theme}`; applyTheme(); keep(theme); };
    turn(theme);
    themeButton.addEventListener("click", () => turn(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]));

    for (const part of [form, one(".tools")]) part.hidden = false;
    go();
  });
})();
