"use strict";
// The page is whole without this script: it makes charts live, and tables sorted and searched.
(() => {
  const SHOWN = 15; // rows of a table before its button is pressed; the style knows it as well
  const held = JSON.parse(document.getElementById("data").textContent);
  const chosen = { eni: "", port: "" };
  const views = new Map();
  const form = document.querySelector("form.narrow");

  // ---- data: columns become rows once
  const datasets = {};
  for (const [name, columns] of Object.entries(held.datasets)) {
    const names = Object.keys(columns);
    const unpacked = names.map((key) => {
      const column = columns[key];
      return column.places ? column.places.map((place) => column.values[place]) : column;
    });
    const size = names.length ? unpacked[0].length : 0;
    datasets[name] = Array.from({ length: size }, (_, row) =>
      Object.fromEntries(names.map((key, at) => [key, unpacked[at][row]])));
  }

  // ---- charts: the picture gives way to a live one, as wide as there is room
  const options = {
    ast: true, actions: false, defaultStyle: false, renderer: "svg",
    tooltip: { disableDefaultStyle: true },
  };

  function fitted({ spec, least }, room, pictured) {
    if (typeof spec.width !== "number") return spec;
    const beside = Math.max(0, pictured - spec.width); // names and legends keep their room
    return { ...spec, width: Math.max(least, Math.floor(room - beside) - 2) };
  }

  async function enliven(figure) {
    const known = held.figures.find((one) => one.name === figure.dataset.figure);
    const box = figure.querySelector(".picture");
    const pictured = Number(box.dataset.pictured ||
      (box.dataset.pictured = box.querySelector("svg").getAttribute("width")));
    const place = document.createElement("div");
    const result = await vegaEmbed(place,
      { ...fitted(known, box.clientWidth, pictured), datasets }, options);
    if (views.has(known.name)) views.get(known.name).finalize();
    views.set(known.name, result);
    box.replaceChildren(place);
    box.classList.add("live");
    box.removeAttribute("role"); // what is in it tells more
    narrowView(result.view);
    result.view.addEventListener("click", (_, item) => {
      const datum = item && item.datum;
      if (!datum || known.name !== "tiles") return;
      choose(held.enis.includes(datum.eni) ? datum.eni : "",
        held.ports.includes(datum.port) ? datum.port : "");
    });
  }

  const figures = [...document.querySelectorAll("figure.chart")];
  let before = Promise.resolve(); // one after the other: the first is there the sooner
  const waiting = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      waiting.unobserve(entry.target);
      before = before.then(() => enliven(entry.target)).catch(() => {}); // the picture stays
    }
  }, { rootMargin: "300px" });
  figures.forEach((figure) => waiting.observe(figure));

  let timer;
  let wide = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === wide) return; // a phone's address bar comes and goes
    wide = window.innerWidth;
    clearTimeout(timer);
    timer = setTimeout(() => figures
      .filter((figure) => views.has(figure.dataset.figure))
      .forEach((figure) => enliven(figure).catch(() => {})), 200);
  });

  // ---- narrowing to an ENI and a port: charts by their signals, tables by their rows
  function narrowView(view) {
    const known = view.getState().signals || {};
    let changed = false;
    for (const side of ["eni", "port"]) {
      if (side in known && view.signal(side) !== chosen[side]) {
        view.signal(side, chosen[side]);
        changed = true;
      }
    }
    if (changed) view.runAsync();
  }

  function fits(row) {
    const { eni, port } = row.dataset;
    if (chosen.eni && eni !== undefined && eni !== chosen.eni) return false;
    if (!chosen.port || port === undefined) return true;
    return port === chosen.port || port === chosen.port.split("/")[0];
  }

  function choose(eni, port) {
    chosen.eni = eni;
    chosen.port = port;
    form.elements.eni.value = eni;
    form.elements.port.value = port;
    form.querySelector("output").textContent =
      eni || port ? "charts and tables by ENI or port show this alone" : "";
    views.forEach((result) => narrowView(result.view));
    listings.forEach((listing) => listing.show());
  }

  if (form) {
    form.hidden = false;
    form.addEventListener("change", () =>
      choose(form.elements.eni.value, form.elements.port.value));
    form.addEventListener("reset", (event) => {
      event.preventDefault();
      choose("", "");
    });
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  // ---- tables
  const collator = new Intl.Collator("en", { numeric: true });

  function compared(left, right) {
    const [a, b] = [Number(left), Number(right)];
    return left !== "" && right !== "" && Number.isFinite(a) && Number.isFinite(b)
      ? a - b
      : collator.compare(left, right);
  }

  const listings = [...document.querySelectorAll(".listing")]
    .filter((article) => article.querySelector("tbody")).map((article) => {
      const body = article.querySelector("tbody");
      const rows = [...body.rows];
      const heads = [...article.querySelectorAll("thead th")];
      const bar = document.createElement("div");
      bar.className = "bar";
      bar.append(article.querySelector("h3"));
      const search = document.createElement("input");
      search.type = "search";
      search.setAttribute("aria-label", `search ${bar.textContent}`);
      const searching = document.createElement("label");
      searching.append("search ", search);
      const found = document.createElement("span");
      found.className = "found";
      if (rows.length > 5) bar.append(searching);
      article.prepend(bar);
      const more = document.createElement("button");
      more.className = "more";
      article.querySelector(".scroll").after(more, found);
      const state = { all: false };

      function show() {
        const words = search.value.trim().toLowerCase();
        let fit = 0;
        let shown = 0;
        for (const row of body.rows) {
          if (row.classList.contains("rest")) {
            row.classList.toggle("off", Boolean(words || chosen.eni || chosen.port));
            continue;
          }
          const right = (!words || row.textContent.toLowerCase().includes(words)) && fits(row);
          const visible = right && (state.all || fit < SHOWN);
          fit += right;
          shown += visible;
          row.classList.toggle("off", !visible);
        }
        const every = rows.filter((row) => !row.classList.contains("rest")).length;
        more.hidden = shown === fit;
        more.textContent = `all ${fit.toLocaleString("en")}`;
        found.textContent =
          fit < every ? ` ${fit.toLocaleString("en")} of ${every.toLocaleString("en")}` : "";
      }

      search.addEventListener("input", show);
      more.addEventListener("click", () => {
        state.all = true;
        show();
      });

      heads.forEach((head, place) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = head.textContent;
        head.replaceChildren(button);
        button.addEventListener("click", () => {
          const number = head.classList.contains("n");
          const now = head.getAttribute("aria-sort");
          const down = now ? now !== "descending" : number;
          heads.forEach((other) => other.removeAttribute("aria-sort"));
          head.setAttribute("aria-sort", down ? "descending" : "ascending");
          const key = (row) => {
            const cell = row.cells[place];
            return cell.dataset.key ?? cell.textContent.replace(/^[<>]/, "");
          };
          const rest = rows.filter((row) => row.classList.contains("rest"));
          const sorted = rows.filter((row) => !row.classList.contains("rest"))
            .sort((a, b) => compared(key(a), key(b)) * (down ? -1 : 1));
          body.append(...sorted, ...rest);
          show();
        });
      });

      for (const cell of body.querySelectorAll("td")) {
        if (cell.textContent.length > 28) cell.title = cell.textContent;
      }
      return { show };
    });
  listings.forEach((listing) => listing.show());

  // A link to some SQL opens it.
  const open = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  window.addEventListener("hashchange", open);
  open();
  document.documentElement.classList.add("ready");
})();
