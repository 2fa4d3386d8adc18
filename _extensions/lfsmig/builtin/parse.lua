-- Reads Markdown files and writes each beside it as pandoc's own JSON: one process for many chapters, each
-- read by itself, so that it reads the same whichever others are read with it.
-- usage: pandoc lua parse.lua FILE.md…

-- As on pandoc's command line: tables with longer lines get columns of set widths.
local options = pandoc.ReaderOptions({ columns = 72 })

for _, name in ipairs(arg) do
  local file = assert(io.open(name, "rb"))
  local doc = pandoc.read(file:read("a"), "markdown", options)
  file:close()
  local target = assert(io.open((name:gsub("%.md$", ".json")), "wb"))
  target:write(pandoc.write(doc, "json"))
  target:close()
end
