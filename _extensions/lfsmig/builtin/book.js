// What the pages do by themselves: search, the switch of language, the chart on a narrow screen.
// Everything works from the file system: the index is a script, which a page may load from beside
// itself, where it may fetch nothing.
"use strict";

(() => {
  const form = document.querySelector("form[role=search]");
  const field = form.querySelector("input");
  const told = form.querySelector("[role=status]");
  const list = form.querySelector("ul");
  const MOST = 12; // results shown at once
  const AROUND = 60; // characters shown on either side of what was found
  const ENOUGH = 0.6; // part of a query's pairs of letters that a passage without the whole query must have

  // Written alike: case, spaces of all kinds, and the two writings of the Thai vowel am.
  const plain = (text) =>
    text.normalize("NFC").toLowerCase().replace(/\u0e4d\u0e32/g, "\u0e33").replace(/[\s\u00a0]+/g, " ")
      .replace(/[\u200b-\u200d\u2060\u00ad]/g, "");

  // Thai puts no spaces between words, so a word is looked for wherever it stands; and where all of a
  // query stands nowhere, passages that share most of its pairs of letters are offered.
  const pairs = (text) => {
    const found = new Set();
    for (let at = 0; at + 1 < text.length; at++) if (!/\s/.test(text.slice(at, at + 2))) found.add(text.slice(at, at + 2));
    return found;
  };
  const occurrences = (text, word) => text.split(word).length - 1;

  function exact(entries, words) {
    return entries.map((entry) => {
      const [title, text] = entry.plain;
      let score = 0;
      for (const word of words) {
        const inTitle = title.includes(word), times = occurrences(text, word);
        if (!inTitle && !times) return [0, entry];
        score += (inTitle ? 10 : 0) + Math.min(times, 5);
      }
      return [score, entry];
    });
  }

  function near(entries, query) {
    const wanted = [...pairs(query)];
    if (wanted.length < 3) return [];
    return entries.map((entry) => {
      const all = entry.plain.join(" ");
      const share = wanted.filter((pair) => all.includes(pair)).length / wanted.length;
      const inTitle = wanted.filter((pair) => entry.plain[0].includes(pair)).length / wanted.length;
      return [share >= ENOUGH && inTitle >= ENOUGH / 2 ? share + inTitle : 0, entry];
    });
  }

  function search(text) {
    const query = plain(text).trim();
    if (query.length < 2) return null;
    const entries = window.bookIndex;
    for (const entry of entries) entry.plain = entry.plain || [plain(entry.title), plain(entry.text)];
    const words = query.split(" ");
    const best = (scored) => scored.filter(([score]) => score > 0).sort((a, b) => b[0] - a[0]);
    let found = best(exact(entries, words));
    if (!found.length) found = best(near(entries, query.replace(/ /g, "")));
    return found.map(([, entry]) => ({ entry, words }));
  }

  function marked(element, text, words) {
    const small = text.toLowerCase();
    let at = 0;
    while (at < text.length) {
      let first = -1, length = 0;
      for (const word of words) {
        const place = small.indexOf(word, at);
        if (place >= 0 && (first < 0 || place < first)) [first, length] = [place, word.length];
      }
      if (first < 0) break;
      element.append(text.slice(at, first));
      const mark = document.createElement("mark");
      mark.textContent = text.slice(first, first + length);
      element.append(mark);
      at = first + length;
    }
    element.append(text.slice(at));
  }

  function passage(text, words) {
    const small = text.toLowerCase();
    const places = words.map((word) => small.indexOf(word)).filter((place) => place >= 0);
    const at = places.length ? Math.min(...places) : 0;
    const from = Math.max(0, at - AROUND), to = at + 2 * AROUND;
    return (from > 0 ? "… " : "") + text.slice(from, to) + (to < text.length ? " …" : "");
  }

  function show() {
    const found = search(field.value);
    list.replaceChildren();
    list.hidden = !found || !found.length;
    told.textContent = "";
    if (!found) return;
    told.textContent = found.length ? form.dataset.found.replace("{n}", found.length) : form.dataset.none;
    for (const { entry, words } of found.slice(0, MOST)) {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = entry.page + (entry.id ? "#" + entry.id : "");
      const title = document.createElement("strong"), text = document.createElement("span");
      marked(title, entry.title, words);
      marked(text, (entry.chapter !== entry.title ? entry.chapter + ": " : "") + passage(entry.text, words), words);
      link.append(title, text);
      item.append(link);
      list.append(item);
    }
  }

  let loading = null;
  function loaded() {
    loading = loading || new Promise((ready, failed) => {
      const script = document.createElement("script");
      script.src = form.dataset.index;
      script.onload = ready;
      script.onerror = failed;
      document.head.append(script);
    });
    return loading;
  }

  const links = () => [...list.querySelectorAll("a")];
  function step(event) {
    const all = links(), here = all.indexOf(document.activeElement);
    if (event.key === "Escape") {
      field.value = "";
      show();
      field.focus();
    } else if (event.key === "ArrowDown" && all.length) {
      all[Math.min(here + 1, all.length - 1)].focus();
    } else if (event.key === "ArrowUp" && here >= 0) {
      (here === 0 ? field : all[here - 1]).focus();
    } else {
      return;
    }
    event.preventDefault();
  }

  form.hidden = false; // without scripts there is no search, and no field that does nothing
  field.addEventListener("focus", loaded);
  field.addEventListener("input", () => loaded().then(show));
  form.addEventListener("keydown", step);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    loaded().then(() => {
      show();
      if (links().length) links()[0].click();
    });
  });
  // A result on the page that is open: out of the way.
  list.addEventListener("click", () => { list.hidden = true; });
})();

// What does not scroll is no stop on the way through a page.
(() => {
  const boxes = [...document.querySelectorAll(".chart-box, .scroll, .equation p, main pre")];
  const fit = () => {
    for (const box of boxes) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  addEventListener("resize", fit);
  addEventListener("toggle", fit, true);
  addEventListener("load", fit);
  if (document.fonts) document.fonts.ready.then(fit);
  fit();
})();

// The other edition opens where the reader is: twins share the names of their places.
(() => {
  const places = [...document.querySelectorAll("main :is(h1, h2, h3)[id], main div[id^=fig-], main div[id^=tbl-]")];
  const edge = 120; // pixels from the top: what begins above is being read
  function here() {
    const passed = places.filter((place) => place.getBoundingClientRect().top <= edge);
    const last = passed[passed.length - 1];
    return last && last !== places[0] ? "#" + last.id : "";
  }
  for (const link of document.querySelectorAll(".editions a")) {
    const target = link.getAttribute("href");
    // To the twin's page only: its first page has other places.
    const same = target.split("/").pop() === (location.pathname.split("/").pop() || "index.html");
    const aim = () => { if (same) link.setAttribute("href", target + here()); };
    for (const name of ["click", "focus", "pointerenter", "contextmenu"]) link.addEventListener(name, aim);
  }
})();

// On paper nothing opens: what is folded up is opened for printing, and closed again afterwards.
(() => {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("main details:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    opened = [];
  });
})();
