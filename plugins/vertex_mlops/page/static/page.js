// Airflow shows the page in a sandboxed frame that can neither open a tab nor navigate its parent. The page works
// without this script; with it, links open as expected, and the colours are Airflow's.
"use strict";

const framed = window.parent !== window;

function takeColours() {
  const scheme = window.parent.document.documentElement.classList.contains("dark") ? "dark" : "light";
  document.documentElement.style.colorScheme = scheme;
}

function follow(event) {
  const link = event.target.closest("a");
  if (!link || event.defaultPrevented) return;
  event.preventDefault();
  // a link in the parent page is not sandboxed
  const outside = window.parent.document.createElement("a");
  outside.href = link.href.baseVal === undefined ? link.href : new URL(link.href.baseVal, document.baseURI).href;
  const ownTab = link.getAttribute("target") === "_blank" || event.ctrlKey || event.metaKey || event.button === 1;
  if (ownTab) {
    outside.target = "_blank";
    outside.rel = "noopener";
  }
  outside.click();
}

if (framed) {
  takeColours();
  new MutationObserver(takeColours).observe(window.parent.document.documentElement, {
    attributes: true,
    attributeFilter: ["class"],
  });
  document.addEventListener("click", follow);
  document.addEventListener("auxclick", (event) => event.button === 1 && follow(event));
}
