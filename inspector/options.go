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

// Values says whether primary keys, old and new values, and the texts of errors are shown. The default is false.
//
// Of the events of custom signals the fields are shown that are numbers, texts or times, or know how to print themselves. They are read
// when the send ends: no other goroutine may change them meanwhile.
func Values(shown bool) Option { return func(o *options) { o.values = shown } }

// Redact shows values, each as what fn returns for it. The model is the name of the sender, or of the signal for a custom one, the field
// the Go name of the field; primary keys come as the field "primary key", texts of errors as "error". fn runs on the goroutine of the
// write and is called from several goroutines.
func Redact(fn func(model, field string, value any) any) Option {
	return func(o *options) { o.values, o.redact = fn != nil, fn }
}

// History is how many steps are kept for the page. The default, also for 0 and less, is 500.
func History(steps int) Option { return func(o *options) { o.steps = steps } }
