// Package signals sends Django-style signals from GORM.
package signals
