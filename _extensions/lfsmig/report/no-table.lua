-- A labelled cell that has a sentence to show in its table's place gets no number and no caption, as
-- in the built-in road (`_unlabel_empty` in py/lfsmig/report/book.py): the tables after it would have
-- other numbers. Runs before Quarto makes tables of such cells.

local function without_table(div)
  if not div.identifier:match("^tbl%-") then return nil end
  local found = false
  div:walk({ Table = function() found = true end })
  if found then return nil end
  div.identifier = ""
  div.attributes["tbl-cap"] = nil
  return div
end

return { { Div = without_table } }
