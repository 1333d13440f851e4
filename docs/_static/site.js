// A figure that is shown smaller than it is opens in full when it is clicked.
addEventListener("load", () => {
  for (const image of document.querySelectorAll("article img")) {
    if (image.closest("a") || image.naturalWidth <= image.width) continue;
    const link = document.createElement("a");
    link.href = image.src;
    link.title = "Open in full size";
    image.replaceWith(link);
    link.append(image);
  }
});

// A table that is wider than the page says so, and scrolls by the arrow keys too.
const markWide = () => {
  for (const table of document.querySelectorAll(".table-wrapper")) {
    const wide = table.scrollWidth > table.clientWidth;
    table.classList.toggle("wide", wide);
    if (wide) table.tabIndex = 0;
    else table.removeAttribute("tabindex");
  }
};
addEventListener("load", markWide);
addEventListener("resize", markWide);
