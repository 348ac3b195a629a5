package rows

import (
	"slices"
	"strings"

	"gorm.io/gorm/schema"
)

// Fields of two embedded structs may have the same Go name. A path such as Author.Name distinguishes them.

// Name returns the Go name of a field, or its path if another field has the same Go name.
func (m *Model) Name(f *schema.Field) string {
	if name, ok := m.paths[f]; ok {
		return name
	}
	return f.Name
}

// Names returns the names of fields.
func (m *Model) Names(fields []*schema.Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = m.Name(f)
	}
	return names
}

// pathsOf returns the paths of the fields that share their Go names with others.
func pathsOf(s *schema.Schema) map[*schema.Field]string {
	count := make(map[string]int, len(s.DBNames))
	for _, column := range s.DBNames {
		count[s.FieldsByDBName[column].Name]++
	}
	var paths map[*schema.Field]string
	for _, column := range s.DBNames {
		if f := s.FieldsByDBName[column]; count[f.Name] > 1 {
			if paths == nil {
				paths = map[*schema.Field]string{}
			}
			paths[f] = f.BindName()
		}
	}
	return paths
}

// Fields returns the fields that a name means: the field of that column or path, or else all fields with that Go name.
func (m *Model) Fields(name string) []*schema.Field {
	s := m.Schema
	if f := s.FieldsByDBName[name]; f != nil {
		return []*schema.Field{f}
	}
	if f := s.FieldsByBindName[name]; f != nil && f.DBName != "" {
		if f = s.FieldsByDBName[f.DBName]; f != nil {
			return []*schema.Field{f}
		}
	}
	var fields []*schema.Field
	for _, column := range s.DBNames {
		if f := s.FieldsByDBName[column]; f.Name == name {
			fields = append(fields, f)
		}
	}
	if f := s.LookUpField(name); len(fields) == 0 && f != nil && f.DBName != "" { // the naming strategy makes a column of the name
		fields = append(fields, f)
	}
	return fields
}

// Near returns the name of a field that another name may be a misspelling of, or "" if there is none.
func (m *Model) Near(name string) string {
	known := make([]string, 0, 4*len(m.Schema.DBNames))
	for _, column := range m.Schema.DBNames {
		f := m.Schema.FieldsByDBName[column]
		known = append(known, m.Name(f), f.BindName(), f.Name, column)
	}
	return Nearest(name, known...)
}

// Nearest returns the known name that a name is most likely a misspelling of, or "" if there is none.
func Nearest(name string, known ...string) string {
	best, least := "", 1+min(2, len(name)/2)
	for _, k := range known {
		if n := distance(strings.ToLower(name), strings.ToLower(k)); n < least {
			best, least = k, n
		}
	}
	return best
}

// distance returns the Levenshtein distance between two words.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range to {
			cost := diagonal
			if x != y {
				cost = 1 + slices.Min([]int{diagonal, row[j], row[j+1]})
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(to)]
}
