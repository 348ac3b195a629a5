// Package recipes holds the programs of docs/recipes.md that need the outbox, one folder for each recipe. The page shows whole files, and
// the tests build and run them.
package recipes
