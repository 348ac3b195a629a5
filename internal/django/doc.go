// Package django tests what Django's own tests of its signals test: the dispatcher, the signals of models, m2m_changed and
// on_commit. A test has the name of Django's test in Go's spelling. Where the behaviour differs on purpose, the test shows
// ours and a comment says what differs. The page docs/django.md puts both side by side.
package django
