package sinktest

import "context"

// Check runs one case, or returns why it cannot run.
func Check(ctx context.Context, name string, e Engine) (lack string, err error) {
	for _, p := range promises() {
		if p.name == name {
			if lack := p.lack(e); lack != "" {
				return lack, nil
			}
			return "", p.check(ctx, e)
		}
	}
	panic("no case of the name " + name)
}

// Names returns the names of all cases.
func Names() []string {
	var names []string
	for _, p := range promises() {
		names = append(names, p.name)
	}
	return names
}
