package dispatch

import (
	"slices"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/receivers"
	"github.com/gorm-signals/signals/internal/relations"
	"github.com/gorm-signals/signals/internal/rows"
)

// Plan holds the receivers that listen to one model, and what its writes must do for them.
type Plan struct {
	Reg      *Registry              // of the database
	Sender   string                 // name of the model
	Schema   *schema.Schema         // the model in GORM's description
	Model    *rows.Model            // reads and compares rows of the model; nil in plans that Silent makes
	Unique   []relations.Constraint // columns and indexes
	Steady   bool                   // a stored key that was read finds its row again
	Entries  [Kinds][]*Entry        // called inside the send
	Deferred [Kinds][]*Entry        // called around the end of the transaction
	Net      bool                   // one of the deferred receivers wants net events
	Atomic   bool                   // one of the receivers needs a transaction
	Needs    needs                  // what a write reads for the receivers
	updates  bool                   // one of the save receivers listens to updates
	related
}

// needs holds the most that receivers of each kind of signal need; 0 if there are none.
type needs struct {
	Save, Delete, Link Need

	Kind bool // receivers of post_change listen to updates: they are told which of them restore a row or mark it as deleted, whatever they need
}

// related is what writes of a model have to do with other models.
type related struct {
	Links       []*relations.Link       // of a join table with receivers on one of its relations: all relations over it
	Sides       []Side                  // the relations that have receivers
	Marks       bool                    // statements on join tables must know the statement of this model that causes them
	Cascades    []*Cascade              // rows that the database deletes together with rows of the model, if receivers listen to them
	Shared      map[*schema.Schema]bool // children that several ways lead to
	AtomicBelow bool                    // the model, or one whose rows are deleted with it, has a receiver that needs a transaction
}

// Side is one of the relations over a join table.
type Side struct {
	*relations.Link
	Plan *Plan // plan of the owner
}

// Cascade is a foreign key by which the database deletes rows of a child with their parent.
type Cascade struct {
	*relations.Cascade
	Plan *Plan // plan of the child
}

// uniqueLocked returns the unique constraints of a model. It asks GORM once, because GORM does not allow two such calls at the same time.
func (r *Registry) uniqueLocked(model *schema.Schema) []relations.Constraint {
	known, ok := r.unique[model]
	if !ok {
		known = relations.Unique(model)
		r.unique[model] = known
	}
	return known
}

// planner makes plans. Its caller holds the registry's lock.
type planner struct {
	*relations.Graph

	reg     *Registry
	made    map[*schema.Schema]*Plan // plans that nobody else sees yet; nil for a model without receivers
	deletes map[*schema.Schema]bool  // results of listensToDeletes
	leads   map[*schema.Schema]bool  // results of leadsToReceivers
}

// plan returns the plan of a model, nil if no receiver listens to it.
func (b *planner) plan(model *schema.Schema) *Plan {
	if p, ok := b.made[model]; ok {
		return p
	}
	if p, ok := knownPlan(b.reg.ready, model); ok {
		return p
	}
	p := b.reg.newPlan(model)
	b.made[model] = p // before related plans, because relations can form circles
	b.addSides(p)
	b.addCascades(p)
	for _, r := range model.Relationships.Many2Many {
		p.Marks = p.Marks || (r.JoinTable.ModelType.Name() != "" && len(b.links(r.JoinTable)) > 0)
	}
	if !p.listened() {
		b.made[model] = nil
		return nil
	}
	p.Steady = len(model.PrimaryFields) > 0 && !slices.ContainsFunc(model.PrimaryFields, func(f *schema.Field) bool {
		return !rows.Steady(b.reg.DB.Name(), f)
	})
	p.Model, p.Unique = b.reg.Rows.Of(model), b.reg.uniqueLocked(model)
	return p
}

// links returns the relations over a join table that receivers listen to.
func (b *planner) links(join *schema.Schema) []*relations.Link {
	return slices.DeleteFunc(b.Links(join), func(l *relations.Link) bool {
		return !slices.ContainsFunc(b.reg.collectLocked(l.Schema.ModelType)[M2mChanged], func(e *Entry) bool { return e.wantsLinks(l.Name) })
	})
}

func (b *planner) addSides(p *Plan) {
	for _, l := range b.links(p.Schema) {
		p.Sides = append(p.Sides, Side{l, b.plan(l.Schema)})
	}
	if len(p.Sides) > 0 { // the plugin reads both ends of a link from the join row, before and after the write
		p.Links = b.Links(p.Schema)
		p.Needs.Save, p.Needs.Delete = Original, max(p.Needs.Delete, Row)
	}
}

func (b *planner) addCascades(p *Plan) {
	for _, c := range b.below(p.Schema) {
		p.Cascades = append(p.Cascades, &Cascade{c, b.plan(c.Child)})
		least := Keys
		if slices.ContainsFunc(c.References, func(f *schema.Field) bool { return !f.PrimaryKey }) {
			least = Row
		}
		p.Needs.Delete = max(p.Needs.Delete, least)
	}
	p.AtomicBelow = slices.ContainsFunc(b.Reach(p.Schema), func(s *schema.Schema) bool { return b.reg.newPlan(s).Atomic })
	p.Shared = b.shared(p.Schema)
}

// below returns the cascades from a model that lead to a receiver, directly or through further cascades.
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

// shared returns the models that deletes of a model's rows lead to in several ways. If the model itself is one of them, all of them are.
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
		hears = p.Needs.Delete > 0 || len(b.links(model)) > 0
		b.deletes[model] = hears
	}
	return hears
}

// Silent returns a plan without receivers.
func (r *Registry) Silent(model *schema.Schema, sender string) *Plan {
	return &Plan{Reg: r, Sender: sender, Schema: model}
}

// newPlan returns a plan with the receivers of a model, without related models.
func (r *Registry) newPlan(model *schema.Schema) *Plan {
	p, entries := r.Silent(model, model.ModelType.Name()), r.collectLocked(model.ModelType)
	spread(&entries)
	for k := range entries {
		for _, e := range entries[k] {
			p.Atomic = p.Atomic || e.Atomic
			if e.Phase == InSend {
				p.Entries[k] = append(p.Entries[k], e)
			} else {
				p.Deferred[k] = append(p.Deferred[k], e)
				p.Net = p.Net || e.Net
			}
			switch Kind(k) {
			case PreSave, PostSave:
				p.updates = p.updates || e.Only == nil || !e.Only.Created || e.Net
				p.Needs.Save = max(p.Needs.Save, e.Info.Needs)
				p.Needs.Kind = p.Needs.Kind || (e.Kind == PostChange && (e.Only == nil || !e.Only.Created))
			case PreDelete, PostDelete:
				p.Needs.Delete = max(p.Needs.Delete, min(e.Info.Needs, Row))
			case M2mChanged:
				p.Needs.Link = max(p.Needs.Link, e.Info.Needs)
			default:
			}
		}
	}
	if p.Net { // the first and the last state of a row come from events of both kinds
		p.Needs.Save, p.Needs.Delete = Original, max(p.Needs.Delete, Row)
	}
	return p
}

// spread adds the receivers of PostChange to those of PostSave and, unless they want saves only, to those of PostDelete.
func spread(entries *[Kinds][]*Entry) {
	for _, e := range entries[PostChange] {
		entries[PostSave] = append(entries[PostSave], e)
		if e.Only == nil {
			entries[PostDelete] = append(entries[PostDelete], e)
		}
	}
	if len(entries[PostChange]) > 0 {
		slices.SortFunc(entries[PostSave], receivers.Compare[*Entry])
		slices.SortFunc(entries[PostDelete], receivers.Compare[*Entry])
	}
}

// ListensToDeletes reports whether receivers listen to deletes of the model itself.
func (p *Plan) ListensToDeletes() bool {
	return len(p.Entries[PreDelete])+len(p.Entries[PostDelete])+len(p.Sides) > 0 || p.Waits(PostDelete)
}

// Waits reports whether a signal has receivers that wait, or writes that a net event is made of.
func (p *Plan) Waits(k Kind) bool { return len(p.Deferred[k]) > 0 || (p.Net && k != M2mChanged) }

// WaitsFor reports whether a signal has receivers of a phase.
func (p *Plan) WaitsFor(k Kind, in Phase) bool {
	return slices.ContainsFunc(p.Deferred[k], func(e *Entry) bool { return e.Phase == in })
}

// Ordered reports whether receivers of a signal run on a lane, in the order of the commits.
func (p *Plan) Ordered(k Kind) bool {
	return slices.ContainsFunc(p.Deferred[k], func(e *Entry) bool { return e.Lane != nil && e.Phase == AfterCommit })
}

// Listens reports whether receivers listen to a pre signal, to its post signal, or to changes that the write causes elsewhere.
func (p *Plan) Listens(pre, post Kind) bool {
	return len(p.Entries[pre])+len(p.Entries[post])+len(p.Sides) > 0 || p.Waits(post) || (post == PostDelete && len(p.Cascades) > 0)
}

// ListensToUpdates reports whether receivers listen to an UPDATE that certainly inserts nothing.
func (p *Plan) ListensToUpdates() bool { return p.updates || p.Net || len(p.Sides) > 0 }

// listened reports whether statements of the model have anything to do for signals.
func (p *Plan) listened() bool {
	for k := range p.Entries {
		if len(p.Entries[k])+len(p.Deferred[k]) > 0 {
			return true
		}
	}
	return len(p.Sides)+len(p.Cascades) > 0 || p.Marks
}
