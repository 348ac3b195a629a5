package signals

import (
	"slices"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/relations"
	"github.com/gorm-signals/signals/internal/rows"
)

// plan is who hears what about one model.
type plan struct {
	reg      *registry
	sender   string
	schema   *schema.Schema
	model    *rows.Model
	unique   []relations.Constraint // columns and indexes
	steady   bool                   // a key that was read finds its row again
	entries  [kinds][]*entry        // called inside the send
	deferred [kinds][]*entry        // called around the end of the transaction
	net      bool                   // one of the deferred wants net events
	atomic   bool                   // one of the entries needs a transaction
	needs    needs
	related
}

// needs is the most that receivers of a kind need; 0 when there are none.
type needs struct{ save, delete, link need }

// related is what writes of a model mean for others.
type related struct {
	links       []*relations.Link       // of a join table that somebody listens to: all relations over it
	sides       []side                  // the relations that are listened to
	marks       bool                    // statements of the model must be known to the statements on a join table that they make
	cascades    []*cascade              // what goes with rows of the model, as far as somebody is to hear of it
	shared      map[*schema.Schema]bool // children that are reached in more ways than one
	atomicBelow bool                    // one of the entries of what can go with rows of the model needs a transaction
}

// side is one of the relations that the rows of a join table are the links of.
type side struct {
	*relations.Link
	plan *plan // of the owner
}

// cascade is one kind of rows that go with their parents.
type cascade struct {
	*relations.Cascade
	plan *plan // of the child
}

// uniqueLocked returns what is unique of a model. It is read once: GORM may not be asked twice at a time.
func (r *registry) uniqueLocked(model *schema.Schema) []relations.Constraint {
	known, ok := r.unique[model]
	if !ok {
		known = relations.Unique(model)
		r.unique[model] = known
	}
	return known
}

// planner makes plans. It holds the registry's lock.
type planner struct {
	*relations.Graph

	reg     *registry
	made    map[*schema.Schema]*plan // plans that nobody else sees yet, nil for models that nobody listens to
	deletes map[*schema.Schema]bool  // what listensToDeletes has found out
	leads   map[*schema.Schema]bool  // the same of leadsToReceivers
}

// plan returns the plan of a model, nil when nobody listens to it.
func (b *planner) plan(model *schema.Schema) *plan {
	if p, ok := b.made[model]; ok {
		return p
	}
	if p, ok := knownPlan(b.reg.ready, model); ok {
		return p
	}
	p := b.reg.newPlan(model)
	b.made[model] = p // before what it leads to: relations run in circles
	b.addSides(p)
	b.addCascades(p)
	for _, r := range model.Relationships.Many2Many {
		p.marks = p.marks || (r.JoinTable.ModelType.Name() != "" && len(b.links(r.JoinTable)) > 0)
	}
	if !p.listened() {
		b.made[model] = nil
		return nil
	}
	p.steady = len(model.PrimaryFields) > 0 && !slices.ContainsFunc(model.PrimaryFields, func(f *schema.Field) bool {
		return !rows.Steady(b.reg.db.Name(), f)
	})
	p.model, p.unique = b.reg.rows.Of(model), b.reg.uniqueLocked(model)
	return p
}

// links returns the relations over a join table that somebody listens to.
func (b *planner) links(join *schema.Schema) []*relations.Link {
	return slices.DeleteFunc(b.Links(join), func(l *relations.Link) bool {
		return !slices.ContainsFunc(b.reg.collectLocked(l.Schema.ModelType)[m2mChanged], func(e *entry) bool { return e.wantsLinks(l.Name) })
	})
}

func (b *planner) addSides(p *plan) {
	for _, l := range b.links(p.schema) {
		p.sides = append(p.sides, side{l, b.plan(l.Schema)})
	}
	if len(p.sides) > 0 { // both ends of a link are read from the join row, before and after
		p.links = b.Links(p.schema)
		p.needs.save, p.needs.delete = needOriginal, max(p.needs.delete, needRow)
	}
}

func (b *planner) addCascades(p *plan) {
	for _, c := range b.below(p.schema) {
		p.cascades = append(p.cascades, &cascade{c, b.plan(c.Child)})
		least := needKeys
		if slices.ContainsFunc(c.References, func(f *schema.Field) bool { return !f.PrimaryKey }) {
			least = needRow
		}
		p.needs.delete = max(p.needs.delete, least)
	}
	p.atomicBelow = slices.ContainsFunc(b.Reach(p.schema), func(s *schema.Schema) bool { return b.reg.newPlan(s).atomic })
	p.shared = b.shared(p.schema)
}

// below returns what goes with rows of a model, as far as somebody is to hear of it or of what goes with that in turn.
func (b *planner) below(model *schema.Schema) []*relations.Cascade {
	var heard []*relations.Cascade
	for _, c := range b.Below(model) {
		if b.leadsToReceivers(c.Child) {
			heard = append(heard, c)
		}
	}
	return heard
}

func (b *planner) leadsToReceivers(model *schema.Schema) bool {
	leads, known := b.leads[model]
	if !known {
		leads = slices.ContainsFunc(b.Reach(model), b.listensToDeletes)
		b.leads[model] = leads
	}
	return leads
}

// shared returns the models that the deletes of a model's rows lead to in more ways than one. When one is the model itself,
// they all are.
func (b *planner) shared(model *schema.Schema) map[*schema.Schema]bool {
	ways := map[*schema.Schema]int{model: 1}
	reached := b.Reach(model)
	for _, s := range reached {
		for _, c := range b.below(s) {
			ways[c.Child]++
		}
	}
	shared := map[*schema.Schema]bool{}
	for _, s := range reached {
		if ways[s] > 1 || ways[model] > 1 {
			shared[s] = true
		}
	}
	return shared
}

func (b *planner) listensToDeletes(model *schema.Schema) bool {
	hears, known := b.deletes[model]
	if !known {
		p := b.reg.newPlan(model)
		hears = p.needs.delete > 0 || len(b.links(model)) > 0
		b.deletes[model] = hears
	}
	return hears
}

// silent returns a plan of which nobody hears anything.
func (r *registry) silent(model *schema.Schema, sender string) *plan {
	return &plan{reg: r, sender: sender, schema: model}
}

// newPlan sorts the receivers of a model.
func (r *registry) newPlan(model *schema.Schema) *plan {
	p, entries := r.silent(model, model.ModelType.Name()), r.collectLocked(model.ModelType)
	for k := range entries {
		for _, e := range entries[k] {
			p.atomic = p.atomic || e.atomic
			if e.phase == inSend {
				p.entries[k] = append(p.entries[k], e)
			} else {
				p.deferred[k] = append(p.deferred[k], e)
				p.net = p.net || e.net
			}
			switch kind(k) {
			case preSave, postSave:
				p.needs.save = max(p.needs.save, e.info.Needs)
			case preDelete, postDelete:
				p.needs.delete = max(p.needs.delete, e.info.Needs)
			case m2mChanged:
				p.needs.link = max(p.needs.link, e.info.Needs)
			default:
			}
		}
	}
	if p.net { // what a row was first and is last takes both kinds of events
		p.needs.save, p.needs.delete = needOriginal, max(p.needs.delete, needRow)
	}
	return p
}

// listensToDeletes reports whether somebody is to hear of deleted rows of the model itself.
func (p *plan) listensToDeletes() bool {
	return len(p.entries[preDelete])+len(p.entries[postDelete])+len(p.sides) > 0 || p.waits(postDelete)
}

// waits reports whether a signal has receivers that wait, or counts for one that wants net events.
func (p *plan) waits(k kind) bool { return len(p.deferred[k]) > 0 || (p.net && k != m2mChanged) }

// waitsFor reports whether a signal has receivers of a phase.
func (p *plan) waitsFor(k kind, in phase) bool {
	return slices.ContainsFunc(p.deferred[k], func(e *entry) bool { return e.phase == in })
}

// listens reports whether anybody is to hear of a pre signal or its post signal.
func (p *plan) listens(pre, post kind) bool {
	return len(p.entries[pre])+len(p.entries[post])+len(p.sides) > 0 || p.waits(post) || (post == postDelete && len(p.cascades) > 0)
}

// listened reports whether statements of the model have anything to do for signals.
func (p *plan) listened() bool {
	for k := range p.entries {
		if len(p.entries[k])+len(p.deferred[k]) > 0 {
			return true
		}
	}
	return len(p.sides)+len(p.cascades) > 0 || p.marks
}
