-- `:Telescope conexus`, for those who open all their lists this way.
local function search(options)
  require("conexus").search(options and options.query, options)
end

return require("telescope").register_extension({ exports = { conexus = search, search = search } })
