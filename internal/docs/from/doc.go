// Package from has, in the packages below it, the programs of the pages docs/from-django.md, docs/from-laravel.md and docs/from-rails.md.
package from
