package relations

import (
	"maps"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// Graph holds the models of a database and their relations. Adding a model reads this model and those that its relations lead to, and no others. Its
// zero value is empty and ready for use by one goroutine at a time.
type Graph struct {
	known  map[*schema.Schema]bool
	tables map[string][]*schema.Schema // known models by table
	below  map[*schema.Schema][]*Cascade
	above  map[*schema.Schema][]*schema.Schema
	links  map[string][]*schema.Relationship // many2many relations by their join table
	joined []joined
}

// joined is a many2many relation with the join table that it had when it was added. SetupJoinTable replaces the table.
type joined struct {
	*schema.Relationship

	table *schema.Schema
}

// Add adds models and all models that their relations lead to. It returns those that are new.
func (g *Graph) Add(db *gorm.DB, models ...*schema.Schema) []*schema.Schema {
	if g.known == nil {
		g.known, g.tables = map[*schema.Schema]bool{}, map[string][]*schema.Schema{}
		g.below, g.above = map[*schema.Schema][]*Cascade{}, map[*schema.Schema][]*schema.Schema{}
		g.links = map[string][]*schema.Relationship{}
	}
	added := reach(db, models, g.known)
	for _, s := range added {
		g.tables[s.Table] = append(g.tables[s.Table], s)
		for _, r := range s.Relationships.Many2Many {
			if g.joined = append(g.joined, joined{r, r.JoinTable}); r.JoinTable != nil {
				g.links[r.JoinTable.Table] = append(g.links[r.JoinTable.Table], r)
			}
		}
		for _, c := range cascades(s) {
			if !slices.ContainsFunc(g.below[c.Parent], c.same) {
				g.below[c.Parent] = append(g.below[c.Parent], c)
				g.above[c.Child] = append(g.above[c.Child], c.Parent)
			}
		}
	}
	return added
}

// Outdated reports whether SetupJoinTable has changed a relation since it was added. The graph must then be built again.
func (g *Graph) Outdated() bool {
	return slices.ContainsFunc(g.joined, func(j joined) bool { return j.JoinTable != j.table })
}

// Known returns the models of the graph, in no order.
func (g *Graph) Known() []*schema.Schema { return slices.Collect(maps.Keys(g.known)) }

// Below returns the cascades whose parent is a model.
func (g *Graph) Below(parent *schema.Schema) []*Cascade { return g.below[parent] }

// Reach returns a model and all models whose rows the database can delete with its rows.
func (g *Graph) Reach(model *schema.Schema) []*schema.Schema {
	return spread([]*schema.Schema{model}, map[*schema.Schema]bool{}, func(s *schema.Schema, add func(*schema.Schema)) {
		for _, c := range g.below[s] {
			add(c.Child)
		}
	})
}

// Links returns the relations whose links are the rows of a join table.
func (g *Graph) Links(join *schema.Schema) []*Link {
	var links []*Link
	for _, r := range g.links[join.Table] {
		if l := newLink(join, r); l != nil {
			links = append(links, l)
		}
	}
	return links
}

// Affected returns the models whose writes may send other signals once a receiver of the given models is connected or disconnected. These are the
// models, the parents whose deletes cascade to them, the join tables of their relations, and the models with relations over these.
func (g *Graph) Affected(by ...*schema.Schema) []*schema.Schema {
	return spread(by, map[*schema.Schema]bool{}, func(s *schema.Schema, add func(*schema.Schema)) {
		for _, parent := range g.above[s] {
			add(parent)
		}
		for _, r := range s.Relationships.Many2Many {
			if r.JoinTable != nil {
				for _, join := range g.tables[r.JoinTable.Table] {
					add(join)
				}
			}
		}
		for _, r := range g.links[s.Table] {
			add(r.Schema)
		}
	})
}

// spread searches breadth first, from some models to those that next adds. It returns the models that are not known yet, in this order, and adds them
// to known.
func spread(from []*schema.Schema, known map[*schema.Schema]bool, next func(s *schema.Schema, add func(*schema.Schema))) []*schema.Schema {
	var found []*schema.Schema
	add := func(s *schema.Schema) {
		if s != nil && !known[s] {
			known[s] = true
			found = append(found, s)
		}
	}
	for _, s := range from {
		add(s)
	}
	for i := 0; i < len(found); i++ {
		next(found[i], add)
	}
	return found
}
