// Draws every [data-chart] from the JSON beside it. `ast` makes Vega interpret its expressions, so the page needs no eval.
"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const options = {
    renderer: "svg",
    actions: false,
    ast: true,
    defaultStyle: false,
    config: read("config"),
    tooltip: { disableDefaultStyle: true, theme: "retain", offsetX: 14, offsetY: 14 },
  };
  const draw = async (holder) => {
    try {
      await vegaEmbed(holder, read("spec-" + holder.dataset.chart), options);
      holder.dataset.state = "drawn";
    } catch (error) {
      holder.dataset.state = "failed";
      holder.textContent = "This drawing failed: " + error.message;
      console.error(error);
    }
  };
  Promise.all(Array.from(document.querySelectorAll("[data-chart]"), draw)).then(() => {
    document.documentElement.dataset.state = "drawn";
  });
})();
