"use strict";
// All of the page is there without this: it folds, copies, sorts and filters.
const narrow = window.matchMedia("(max-width: 62rem)");

function fold() {
  for (const word of document.querySelectorAll(".word")) word.open = !narrow.matches;
}
fold();
narrow.addEventListener("change", fold);
window.addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("main details")) part.open = true;
});

for (const block of document.querySelectorAll(".command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const text = block.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      window.getSelection().selectAllChildren(block);
      button.textContent = "Selected: now copy";
    }
  });
  block.after(button);
}

const table = document.querySelector(".members");
if (table) {
  const rows = [...table.tBodies];
  const controls = document.querySelector(".controls");
  const told = document.querySelector("#shown");
  const heads = [...table.tHead.rows[0].cells];

  const key = (body, place) => body.rows[0].cells[place].dataset.value ?? "";
  const texts = new Map(rows.map((body) => [body, body.textContent.toLowerCase()]));

  function sort(place, rising) {
    const values = new Map(rows.map((body) => [body, key(body, place)]));
    const filled = rows.filter((body) => values.get(body) !== "");
    const numeric = filled.every((body) => !Number.isNaN(Number(values.get(body))));
    const compare = numeric
      ? (a, b) => Number(values.get(a)) - Number(values.get(b))
      : (a, b) => values.get(a).localeCompare(values.get(b));
    filled.sort((a, b) => (rising ? compare(a, b) : compare(b, a)));
    // What has no value comes last, whichever way.
    table.append(...filled, ...rows.filter((body) => values.get(body) === ""));
    heads.forEach((head, k) => {
      if (k === place) head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  }

  heads.forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () =>
      sort(place, head.getAttribute("aria-sort") !== "ascending"));
    head.replaceChildren(button);
  });

  // "+" stands for any label but "no": near whatever it is.
  const fitting = (select, value) =>
    select.value === "+" ? value !== "" && value !== "no" : value === select.value;

  function filter() {
    const chosen = [...controls.querySelectorAll("select")].filter((select) => select.value);
    const text = controls.querySelector("input").value.trim().toLowerCase();
    let count = 0;
    for (const body of rows) {
      const fits =
        chosen.every((select) => fitting(select, key(body, Number(select.dataset.place)))) &&
        texts.get(body).includes(text);
      body.hidden = !fits;
      count += fits;
    }
    told.textContent = `${count} of ${rows.length} members`;
  }
  controls.addEventListener("input", filter);
  controls.hidden = false;
  filter();

  function open() {
    const body = rows.find((row) => row.id && `#${row.id}` === decodeURIComponent(location.hash));
    if (!body) return;
    body.hidden = false;
    body.querySelector("details").open = true;
    body.scrollIntoView({ block: "center" });
  }
  window.addEventListener("hashchange", open);
  open();
}

const turned = document.querySelector(".turned");
if (turned) {
  const unpack = async (id) => {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  };
  turned.addEventListener("toggle", async () => {
    if (window.Plotly || !turned.open) return;
    const script = document.createElement("script");
    script.textContent = await unpack("turned-library");
    document.head.append(script);
    const { data, layout } = JSON.parse(await unpack("turned-figure"));
    window.Plotly.newPlot("turned", data, layout, { responsive: true, displaylogo: false });
  });
}
