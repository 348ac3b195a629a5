package parity_test

import (
	"fmt"
	"time"

	"gorm.io/gorm"
)

// paritySeeds are the rows of the tables before every step.
func paritySeeds() []any {
	deleted := gorm.DeletedAt{Time: parityStart.Add(-time.Hour), Valid: true}
	items := make([]parityItem, 6)
	for i := range items {
		items[i] = parityItem{Name: string(rune('a' + i)), Price: int64(10 * (i + 1)), Stock: i + 1}
		if i < 4 {
			items[i].Code = new(fmt.Sprintf("c%d", i+1))
		}
	}
	return []any{
		&items,
		&[]parityPage{
			{Title: "p1", Slug: "s1", Views: 1},
			{Title: "p2", Slug: "s2", Views: 2},
			{Title: "p3", Slug: "s3", Views: 3},
			{Title: "p4", Slug: "s4", Views: 4, DeletedAt: deleted},
			{Title: "p5", Slug: "s5", Views: 5},
		},
		&[]paritySeat{{"A", 1, false, 5}, {"A", 2, true, 6}, {"B", 1, false, 7}, {"B", 2, true, 8}},
		&[]parityShop{
			{
				Name: "one", Main: parityAddress{"Rome", "1"}, Billing: &parityAddress{"Oslo", "2"}, Labels: []string{"x", "y"},
				Hours: map[string]int{"mon": 8}, Opened: 1700000000, Rent: parityMoney{100}, Fee: &parityMoney{7}, Blob: []byte("blob"),
			},
			{Name: "two", Main: parityAddress{"Bern", "3"}, Labels: []string{}, Rent: parityMoney{200}},
		},
		&[]parityWord{{"one", 1}, {"two", 2}, {"three", 3}},
		&[]parityLine{{"l1", 1}, {"l2", 2}, {"l3", 3}},
		&[]parityPref{{Color: "blue", Level: 9, On: new(false), Seven: 1}, {Color: "green", Level: 8, On: new(true), Seven: 2}},
		&[]parityOdd{{Name: "odd", Once: "once"}, {Name: "even", Once: "first"}},
		&[]parityOrder{{Group: "g1"}, {Group: "g2"}},
		&[]parityGem{{parityID{1}, "ruby"}, {parityID{2}, "opal"}, {parityID{3}, "jade"}},
		&[]parityCry{{Text: "hey", Loud: 1}, {Text: "ho", Loud: 2}},
		&[]parityCompany{{Name: "acme"}, {Name: "bolt"}, {Name: "core"}},
		&[]parityTag{{Name: "t1"}, {Name: "t2"}, {Name: "t3"}},
		&[]parityClub{{Name: "k1"}, {Name: "k2"}, {Name: "k3"}},
		&[]parityUser{
			{Name: "ann", CompanyID: new(uint(1))},
			{Name: "bob", CompanyID: new(uint(1)), ManagerID: new(uint(1))},
			{Name: "cyd", ManagerID: new(uint(1))},
		},
		&[]parityCard{{Number: "n1", UserID: 1}, {Number: "n2", UserID: 2}},
		&[]parityPost{
			{Title: "x1", UserID: new(uint(1))},
			{Title: "x2", UserID: new(uint(1))},
			{Title: "x3", UserID: new(uint(2))},
			{Title: "x4", UserID: new(uint(1)), DeletedAt: deleted},
		},
		&[]parityMember{{1, 1, "boss"}, {1, 2, "guest"}, {2, 1, "guest"}},
		&[]parityToy{{Name: "y1", OwnerID: 1, OwnerType: "parity_users"}, {Name: "y2", OwnerID: 1, OwnerType: "parity_users"}},
		&[]parityHooked{{Name: "h1"}, {Name: "h2"}, {Name: "h3"}},
	}
}

// parityLinks are the rows of the join table without a model.
const parityLinks = "INSERT INTO parity_user_tags (parity_user_id, parity_tag_id) VALUES (1,1),(1,2),(2,2)"

// parityOlds is a second table for parityItem.
const parityOlds = `CREATE TABLE parity_olds (id integer PRIMARY KEY AUTOINCREMENT, name text, code text, price integer,
	stock integer, note text, created_at datetime, updated_at datetime);
	INSERT INTO parity_olds (name, price, stock) VALUES ('o1', 1, 1), ('o2', 2, 2), ('o3', 3, 3)`
