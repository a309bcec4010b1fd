// Before the first paint, hence no module: the colours that were chosen last, else the system's.
try {
    const theme = localStorage.getItem("mentator.theme");
    if (theme === "light" || theme === "dark") {
        document.documentElement.dataset["theme"] = theme;
    }
} catch {
    // Storage is switched off: the system's colours it is.
}
