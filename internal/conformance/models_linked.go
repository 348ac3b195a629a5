package conformance

import (
	"fmt"

	"gorm.io/gorm"
)

// Label publishes albums.
type Label struct {
	ID   uint
	Name string `gorm:"size:40"`
}

// String returns the name.
func (l *Label) String() string { return l.Name }

// Album belongs to a Label and has a Cover and tracks.
type Album struct {
	ID      uint
	Title   string `gorm:"size:40"`
	LabelID *uint
	Label   *Label
	Cover   *Cover
	Tracks  []Track
}

// String returns the title.
func (a *Album) String() string { return a.Title }

// Cover is that of an Album.
type Cover struct {
	ID      uint
	AlbumID *uint
	Image   string `gorm:"size:40"`
}

// String returns the image.
func (c *Cover) String() string { return c.Image }

// Track is on an Album.
type Track struct {
	ID      uint
	AlbumID *uint
	Title   string `gorm:"size:40"`
}

// String returns the title.
func (t *Track) String() string { return t.Title }

// Dish has many spices. The table between them has no model.
type Dish struct {
	Name   string  `gorm:"primaryKey;size:20"`
	Spices []Spice `gorm:"many2many:dish_spices"`
}

// String returns the name.
func (d *Dish) String() string { return d.Name }

// Spice is the other side of Dish.
type Spice struct {
	Name   string `gorm:"primaryKey;size:20"`
	Dishes []Dish `gorm:"many2many:dish_spices"`
}

// String returns the name.
func (s *Spice) String() string { return s.Name }

// Sailor and Ship are linked by a model of its own.
type Sailor struct {
	Name  string `gorm:"primaryKey;size:20"`
	Age   int
	Ships []Ship `gorm:"many2many:berths"`
}

// String returns the name.
func (s *Sailor) String() string { return s.Name }

// Ship is the other side of Sailor.
type Ship struct {
	Name    string   `gorm:"primaryKey;size:20"`
	Sailors []Sailor `gorm:"many2many:berths"`
}

// String returns the name.
func (s *Ship) String() string { return s.Name }

// Berth is where a Sailor sleeps on a Ship.
type Berth struct {
	SailorName string `gorm:"primaryKey;size:20"`
	ShipName   string `gorm:"primaryKey;size:20"`
	Bunk       int
}

// String returns the key and the bunk.
func (b *Berth) String() string { return fmt.Sprintf("%s on %s %d", b.SailorName, b.ShipName, b.Bunk) }

// Friend has friends.
type Friend struct {
	Name    string    `gorm:"primaryKey;size:20"`
	Friends []*Friend `gorm:"many2many:friendships;joinForeignKey:from;joinReferences:to"`
}

// String returns the name.
func (f *Friend) String() string { return f.Name }

// Spot has a composite key, and many routes.
type Spot struct {
	X, Y   int     `gorm:"primaryKey;autoIncrement:false"`
	Routes []Route `gorm:"many2many:spot_routes"`
}

// String returns the key.
func (s *Spot) String() string { return fmt.Sprintf("%d/%d", s.X, s.Y) }

// Route is the other side of Spot.
type Route struct {
	Name  string `gorm:"primaryKey;size:20"`
	Spots []Spot `gorm:"many2many:spot_routes"`
}

// String returns the name.
func (r *Route) String() string { return r.Name }

// House has rooms, and a Room has chairs. Deleting one deletes all rows in it.
type House struct {
	Name  string `gorm:"primaryKey;size:20"`
	Rooms []Room `gorm:"constraint:OnDelete:CASCADE"`
}

// String returns the name.
func (h *House) String() string { return h.Name }

// Room is in a House.
type Room struct {
	Name      string  `gorm:"primaryKey;size:20"`
	HouseName string  `gorm:"size:20"`
	Chairs    []Chair `gorm:"constraint:OnDelete:CASCADE"`
}

// String returns the name.
func (r *Room) String() string { return r.Name }

// Chair is in a Room.
type Chair struct {
	Name     string `gorm:"primaryKey;size:20"`
	RoomName string `gorm:"size:20"`
}

// String returns the name.
func (c *Chair) String() string { return c.Name }

// Shed has tools, without a foreign key in the database.
type Shed struct {
	Name  string `gorm:"primaryKey;size:20"`
	Tools []Tool `gorm:"constraint:OnDelete:CASCADE"`
}

// String returns the name.
func (s *Shed) String() string { return s.Name }

// Tool is in a Shed.
type Tool struct {
	Name     string `gorm:"primaryKey;size:20"`
	ShedName string `gorm:"size:20"`
}

// String returns the name.
func (t *Tool) String() string { return t.Name }

// Folder and its sheets are soft-deleted.
type Folder struct {
	Name      string `gorm:"primaryKey;size:20"`
	DeletedAt gorm.DeletedAt
	Sheets    []Sheet `gorm:"constraint:OnDelete:CASCADE"`
}

// String returns the name.
func (f *Folder) String() string { return f.Name }

// Sheet is deleted with its Folder, and not only softly.
type Sheet struct {
	Name       string `gorm:"primaryKey;size:20"`
	FolderName string `gorm:"size:20"`
	DeletedAt  gorm.DeletedAt
}

// String returns the name.
func (s *Sheet) String() string { return s.Name }

// Twig belongs to another one.
type Twig struct {
	Name     string  `gorm:"primaryKey;size:20"`
	TwigName *string `gorm:"size:20"`
	Twigs    []Twig  `gorm:"constraint:OnDelete:CASCADE"`
}

// String returns the name.
func (t *Twig) String() string { return t.Name }

// Team has players. Its links are deleted with it.
type Team struct {
	Name    string   `gorm:"primaryKey;size:20"`
	Players []Player `gorm:"many2many:team_players;constraint:OnDelete:CASCADE"`
}

// String returns the name.
func (t *Team) String() string { return t.Name }

// Player is the other side of Team.
type Player struct {
	Name  string `gorm:"primaryKey;size:20"`
	Teams []Team `gorm:"many2many:team_players;constraint:OnDelete:CASCADE"`
}

// String returns the name.
func (p *Player) String() string { return p.Name }
