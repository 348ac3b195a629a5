package inspector

// Option is an option of [New].
type Option func(*options)

type options struct {
	values bool
	redact func(model, field string, value any) any
	steps  int
	hosts  []string
}

const defaultHistory = 500

// Values says whether the page shows primary keys, old and new values, and texts of errors. The default is false.
//
// Of events of custom signals the page shows fields that are numbers, texts or times, or that can print themselves. The inspector reads them when the
// send ends: no other goroutine may change them meanwhile.
func Values(shown bool) Option { return func(o *options) { o.values = shown } }

// Redact shows each value as the result of fn. model is the name of the sender, or of a custom signal. field is the Go name of the field, "primary
// key" for a key, or "error" for the text of an error. fn runs on the goroutine of the write, and several goroutines call it.
func Redact(fn func(model, field string, value any) any) Option {
	return func(o *options) { o.values, o.redact = fn != nil, fn }
}

// History sets how many steps are kept for the page. The default, also for 0 and less, is 500.
func History(steps int) Option { return func(o *options) { o.steps = steps } }
