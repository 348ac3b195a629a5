package dispatch

import (
	"sync"
	"sync/atomic"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/relations"
)

// planning keeps the plans of a registry. A plan is made at the first statement of its model. When somebody connects, the plans go that
// this can touch, and all others stay.
type planning struct {
	// plans holds the plans by model, nil for models that nobody listens to. It is nil itself while nobody listens to anything. Between
	// a Connect and the next statement it is empty, and ready holds the plans.
	plans atomic.Pointer[sync.Map]

	rounds atomic.Uint64 // how often a statement has asked for a plan that was not made

	// The registry's lock guards the rest.
	ready     *sync.Map
	graph     *relations.Graph
	connected int              // receivers that are connected
	stale     []*schema.Schema // models whose receivers have come or gone since plans were asked for
}

// Invalidate notes that a receiver was connected to a signal or disconnected from it.
func (r *Registry) Invalidate(s *Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(s.List.Items())
	r.connected, s.counted = r.connected+n-s.counted, n
	switch {
	case r.connected == 0:
		r.plans.Store(nil)
		r.ready, r.stale = nil, nil
		return
	case r.ready == nil || s.Scope.Schema == nil: // receivers of an interface can hear every model
		r.ready = &sync.Map{}
	}
	if s.Scope.Schema != nil {
		r.stale = append(r.stale, s.Scope.Schema)
	}
	r.plans.Store(&sync.Map{})
}

// Listening reports whether anybody is connected.
func (r *Registry) Listening() bool { return r.plans.Load() != nil }

// Round returns a number that grows when statements run after receivers were connected.
func (r *Registry) Round() uint64 { return r.rounds.Load() }

// PlanFor returns the plan of a model, nil when nobody listens to it. It takes no lock once the plan is made.
func (r *Registry) PlanFor(model *schema.Schema) *Plan {
	plans := r.plans.Load()
	if plans == nil {
		return nil
	}
	if p, ok := knownPlan(plans, model); ok {
		return p
	}
	return r.addPlan(model)
}

func knownPlan(plans *sync.Map, model *schema.Schema) (p *Plan, ok bool) {
	found, ok := plans.Load(model)
	if ok {
		p, _ = found.(*Plan)
	}
	return p, ok
}

func (r *Registry) addPlan(model *schema.Schema) *Plan {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rounds.Add(1)
	if r.ready == nil {
		return nil // somebody has disconnected the last receiver
	}
	r.learn(model)
	b := &planner{
		Graph: r.graph, reg: r, made: map[*schema.Schema]*Plan{}, deletes: map[*schema.Schema]bool{}, leads: map[*schema.Schema]bool{},
	}
	p := b.plan(model)
	for of, made := range b.made { // now that they are whole: statements read them without the lock
		r.ready.Store(of, made)
	}
	r.plans.Store(r.ready)
	return p
}

// learn adds a model and those with new receivers to the graph. It drops the plans that the news can touch.
func (r *Registry) learn(model *schema.Schema) {
	switch {
	case r.graph == nil:
		r.graph = &relations.Graph{}
	case r.graph.Outdated():
		known := r.graph.Known()
		r.graph, r.ready = &relations.Graph{}, &sync.Map{}
		r.graph.Add(r.DB, known...)
	}
	added := r.graph.Add(r.DB, append(r.stale, model)...)
	for _, s := range r.graph.Affected(append(added, r.stale...)...) {
		r.ready.Delete(s)
	}
	r.stale = nil
}
