"use strict"; globalThis.canary = {};
