// Package recipes holds the programs of docs/recipes.md, one folder for each recipe. The page shows whole files, and the tests run them.
package recipes
