// Accounts are found by when they were created: new ones among millions.
// parameters: none
CREATE INDEX account_created_ms IF NOT EXISTS FOR (n:Account) ON (n.created_ms)
