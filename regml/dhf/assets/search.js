// Finds pages in the index that index.js holds; everything found is inserted as text.
"use strict";
(function () {
  const box = document.getElementById("search");
  const list = document.getElementById("found");
  const rows = window.REGML_INDEX || [];
  const most = 20;

  function show(hit) {
    const line = document.createElement("li");
    const link = document.createElement("a");
    const note = document.createElement("span");
    link.setAttribute("href", box.dataset.base + hit[3]);
    link.textContent = hit[0];
    note.textContent = " " + hit[2] + ": " + hit[1];
    line.append(link, note);
    list.append(line);
  }

  box.addEventListener("input", function () {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.replaceChildren();
    if (!words.length) return;
    const hits = rows.filter(function (row) {
      const text = (row[0] + " " + row[1] + " " + row[2]).toLowerCase();
      return words.every((word) => text.includes(word));
    });
    hits.slice(0, most).forEach(show);
  });
})();
