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
