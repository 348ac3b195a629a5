// Package browser drives the shop on the web and the inspector with a real browser: headless Chromium. Run it with make test-browser
// from the top of the repository, which installs Chromium where the system's package manager has it. With SCREENSHOTS=docs/images
// it takes the pictures of the documentation too.
package browser
