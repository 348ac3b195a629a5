package signals

import (
	"fmt"
	"slices"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
)

// check refuses options that have no meaning for the signal, and fills in the default need.
func (c *channel) check(o *connectOptions) {
	if c.reg == nil {
		if o.phase == dispatch.AfterFailure {
			o.refuse("AfterFailure belongs to model signals, and this one is custom: use AfterRollback")
		}
		if len(o.fields) > 0 || o.needs != 0 || o.net || (o.atomic && o.store == nil) || o.only.given() != "" {
			o.refuse("Fields, OnCreate, OnUpdate, Becomes, Needs, Net and Atomic belong to model signals, and this one is custom")
		}
		if o.store != nil && c.keeping == nil {
			o.refuse("Durable needs a signal that New has made")
		}
		o.checkDurable()
		return
	}
	switch {
	case saves(c.Kind):
		c.checkFields(o)
		c.checkOnly(o)
		o.needs = needsOfSaves(c.Kind, o)
	case c.Kind == dispatch.PostLoad:
		if o.needs != 0 {
			o.refuse("Needs has no meaning for " + c.Name + ", which reads nothing: leave it out")
		}
		if o.atomic {
			o.refuse("Atomic has no meaning for " + c.Name + ", which writes nothing: leave it out")
		}
	default:
		if o.needs == 0 {
			o.needs = Row
		}
		if o.needs == Original {
			o.refuse(c.Name + " has no Original beside its Instance: use Needs(Row), which is the default")
		}
		c.checkRelations(o)
	}
	c.checkPhase(o)
	if len(o.fields) > 0 && !saves(c.Kind) && c.Kind != dispatch.M2mChanged {
		o.refuse("Fields has no meaning for " + c.Name + ": only saves change fields")
	}
	if name := o.only.given(); name != "" && !saves(c.Kind) {
		o.refuse(name + " has no meaning for " + c.Name + ": connect to pre_save, post_save or post_change")
	}
	c.checkDurable(o)
}

// saves reports whether signals of a kind are sent for saved rows.
func saves(k dispatch.Kind) bool {
	return k == dispatch.PreSave || k == dispatch.PostSave || k == dispatch.PostChange
}

// written reports whether signals of a kind are sent for rows after a save or a delete.
func written(k dispatch.Kind) bool {
	return k == dispatch.PostSave || k == dispatch.PostDelete || k == dispatch.PostChange
}

// checkPhase refuses phases and Net for signals whose receivers cannot wait for the end of a transaction.
func (c *channel) checkPhase(o *connectOptions) {
	switch {
	case o.phase != dispatch.InSend && !written(c.Kind) && c.Kind != dispatch.M2mChanged:
		o.refuse(phaseOption(o.phase) + " has no meaning for " + c.Name + ": connect to post_save, post_delete, post_change or m2m_changed")
	case o.net && !written(c.Kind):
		o.refuse("Net has no meaning for " + c.Name + ": connect to post_save, post_delete or post_change")
	case o.net && o.phase != dispatch.AfterCommit:
		o.refuse("Net goes with AfterCommit: give both")
	}
}

func (c *channel) checkFields(o *connectOptions) {
	for _, name := range o.fields {
		if s := c.Scope.Schema; s != nil && len(c.reg.Rows.Of(s).Fields(name)) == 0 {
			o.refuse(change.UnknownField(c.Scope.Name, c.reg.Rows.Of(s), name))
		}
	}
}

// checkRelations refuses Fields of m2m_changed that are not many2many relations.
func (c *channel) checkRelations(o *connectOptions) {
	if c.Kind != dispatch.M2mChanged || c.Scope.Schema == nil {
		return
	}
	for _, name := range o.fields {
		if r := c.Scope.Schema.Relationships.Relations[name]; r == nil || r.Type != schema.Many2Many {
			o.refuse(fmt.Sprintf("%s has no many2many relation %q%s the Go name of its field", c.Scope.Name, name, didYouMean(name, relationsOf(c.Scope.Schema))))
		}
	}
}

// relationsOf returns the names of the many2many relations of a model.
func relationsOf(s *schema.Schema) []string {
	var names []string
	for _, r := range s.Relationships.Many2Many {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return names
}

// didYouMean returns the text after an unknown name in an error: the name that was probably meant, if there is one, and the word "use".
func didYouMean(name string, known []string) string {
	if near := rows.Nearest(name, known...); near != "" {
		return fmt.Sprintf(": did you mean %q? Use", near)
	}
	return ": use"
}
