package signals

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"

	"gorm.io/gorm"
)

// placing finds the places of our steps each time GORM sorts its callbacks: at db.Use, and when the program registers or removes a callback later.
// GORM ignores a bound that does not exist, and then puts the callback last, after the commit.
type placing struct {
	steps

	processor any // GORM's list of callbacks
	get       func(name string) func(*gorm.DB)
	lost      atomic.Bool // true if the main callback was removed after db.Use
}

// boundOf returns the callback that a step has to run right before, "" if it runs last.
func (p *placing) boundOf(s step) string {
	ahead := p.ahead(s.name)
	for _, name := range s.before {
		if ahead(name) {
			return name
		}
	}
	return ""
}

// ahead returns a function that reports whether GORM will sort a callback before the named step.
func (p *placing) ahead(step string) func(name string) bool {
	names, known := p.names()
	if !known {
		return func(name string) bool { return p.get(name) != nil }
	}
	at := slices.Index(names, step)
	return func(name string) bool {
		i := slices.Index(names, name)
		return i >= 0 && (at < 0 || i < at)
	}
}

// names returns the names of the callbacks in the order in which GORM sorts them, without removed ones. It reads GORM's list, because Get still finds
// a callback that GORM is removing. In an obfuscated program, GORM's fields may have other names; known is then false.
func (p *placing) names() (names []string, known bool) {
	callbacks := reflect.ValueOf(p.processor).Elem().FieldByName("callbacks")
	if callbacks.Kind() != reflect.Slice {
		return nil, false
	}
	var removed []string
	for i := range callbacks.Len() {
		callback := callbacks.Index(i).Elem()
		name, remove := callback.FieldByName("name"), callback.FieldByName("remove")
		if name.Kind() != reflect.String || remove.Kind() != reflect.Bool {
			return nil, false
		}
		if remove.Bool() {
			removed = append(removed, name.String())
		}
		names = append(names, name.String())
	}
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(removed, name) }), true
}

// guard returns a function that runs a step unless the main callback was removed.
func (p *placing) guard(run func(*gorm.DB)) func(*gorm.DB) {
	if p.main == "" {
		return run
	}
	return func(db *gorm.DB) {
		if !p.lost.Load() {
			run(db)
		}
	}
}

// watch notes whether the main callback is registered, and logs an error when it is removed.
func (p *placing) watch(db *gorm.DB) {
	if p.main == "" {
		return
	}
	lost := !p.ahead(p.list[0].name)(p.main)
	if p.lost.Swap(lost) == lost || !lost {
		return
	}
	db.Logger.Error(context.Background(), fmt.Sprintf("signals: the program has removed GORM's callback %s after db.Use, so no signals are sent "+
		"around it from now on: replace the callback instead", p.main))
}
