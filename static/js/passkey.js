// A passkey that was not given (window closed, no key at hand): said in words, and no error of the page.
(function () {
  "use strict";
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    window.crm.toast({ level: "warning", text: document.documentElement.lang === "ru" ? "Ключ доступа не получен. Попробуйте ещё раз или войдите с паролем." : "No passkey was given. Try again, or sign in with the password." });
  });
})();
