// The colours that were chosen last, else the system's. Runs before the first paint, so it is not a module.
try {
    const theme = localStorage.getItem("mentator.theme");
    if (theme === "light" || theme === "dark") {
        document.documentElement.dataset["theme"] = theme;
    }
} catch {
    // Storage is switched off: the page has the system's colours.
}
