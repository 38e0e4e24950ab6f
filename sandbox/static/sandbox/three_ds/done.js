window.parent.postMessage({ type: "bank.done" }, location.origin);
