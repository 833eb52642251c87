// Live parts: each is fetched anew every few seconds while somebody looks at the page.
(function () {
  "use strict";

  function state(part, ok) {
    var line = part.parentElement.querySelector("[data-live-state]");
    var text = ok ? line && line.dataset.on : line && line.dataset.off;
    part.classList.toggle("old", !ok);
    if (line && line.textContent !== text) {
      line.textContent = text;
    }
  }

  function follow(part) {
    part.parentElement.querySelector("[data-live-reload]").hidden = true;
    state(part, true);
    setInterval(function () {
      if (document.visibilityState === "visible") {
        htmx.trigger(part, "refresh");
      }
    }, Number(part.dataset.every) * 1000);
  }

  function isLive(event) {
    return event.target instanceof Element && event.target.hasAttribute("data-live");
  }

  document.addEventListener("htmx:configRequest", function (event) {
    if (isLive(event) && event.target.dataset.etag) {
      event.detail.headers["If-None-Match"] = event.target.dataset.etag;
    }
  });

  document.addEventListener("htmx:afterRequest", function (event) {
    if (!isLive(event)) {
      return;
    }
    var xhr = event.detail.xhr;
    var status = xhr ? xhr.status : 0;
    if (status === 200) {
      event.target.dataset.etag = xhr.getResponseHeader("ETag") || "";
    }
    state(event.target, status === 200 || status === 304);
  });

  // What somebody has opened stays open when it comes anew.
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (isLive(event)) {
      var open = event.target.querySelectorAll("details[open][id]");
      event.target.openParts = Array.from(open, function (part) { return part.id; });
    }
  });

  document.addEventListener("htmx:afterSwap", function (event) {
    if (isLive(event)) {
      (event.target.openParts || []).forEach(function (id) {
        var part = document.getElementById(id);
        if (part) {
          part.open = true;
        }
      });
    }
  });

  // A second click on the same button sends nothing again.
  document.addEventListener("submit", function (event) {
    if (event.target.method !== "post") {
      return;
    }
    if (event.target.dataset.sent) {
      event.preventDefault();
    }
    event.target.dataset.sent = "yes";
  });

  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) {
      delete form.dataset.sent;
    });
  });

  document.querySelectorAll("[data-live]").forEach(follow);
})();
