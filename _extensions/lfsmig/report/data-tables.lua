-- The table behind a chart. On screen it is folded away beneath the chart; in print it moves to the
-- appendix (a div with the id `data-appendix`) and leaves a reference behind. A plain pandoc filter:
-- Quarto and the built-in road run this same file.

local on_screen = FORMAT:match("html") ~= nil

-- On screen each exhibit's public files are one click away; both roads keep them in `tables/` at the
-- edition's root, which Quarto's pages are below of.
local function files(div)
  local names = div.attributes.files or ""
  if names == "" then return pandoc.Blocks({}) end
  local root = ""
  if quarto and quarto.project and quarto.project.offset then root = quarto.project.offset .. "/" end
  local labels, lines = {}, pandoc.Blocks({})
  for label in (div.attributes.names or ""):gmatch("[^|]+") do table.insert(labels, label) end
  local count = 0
  for name in names:gmatch("%S+") do
    count = count + 1
    local base = root .. "tables/" .. name
    local told = labels[count] or name
    local text = pandoc.Inlines({ pandoc.Str((div.attributes.download or "") .. " (" .. told .. "): ") })
    for number, kind in ipairs({ { ".csv", "CSV" }, { ".xlsx", "Excel" }, { ".csv-metadata.json", "JSON" } }) do
      if number > 1 then text:insert(pandoc.Str(" · ")) end
      text:insert(pandoc.Link(kind[2], base .. kind[1], "", { ["aria-label"] = kind[2] .. ": " .. told }))
    end
    lines:insert(pandoc.Para(text))
  end
  return pandoc.Blocks({ pandoc.Div(lines, { class = "table-files" }) })
end

local function folded(div)
  local title = div.attributes.title or ""
  local blocks = pandoc.Blocks({ pandoc.RawBlock("html", '<details class="data-table"><summary>') })
  blocks:insert(pandoc.Plain({ pandoc.Str((div.attributes.label or "") .. ": " .. title) }))
  blocks:insert(pandoc.RawBlock("html", "</summary>"))
  blocks:extend(div.content)
  blocks:extend(files(div))
  blocks:insert(pandoc.RawBlock("html", "</details>"))
  return blocks
end

local function has_appendix(doc)
  local found = false
  doc:walk({ Div = function(div) found = found or div.identifier == "data-appendix" end })
  return found
end

local function move_to_appendix(doc)
  local moved, count = pandoc.Blocks({}), 0
  doc = doc:walk({
    Div = function(div)
      if not div.classes:includes("data-table") then return nil end
      count = count + 1
      local id = "data-table-" .. count
      local name = (div.attributes.label or "") .. " " .. (div.attributes.letter or "A") .. count
      local head = pandoc.Para({ pandoc.Strong({ pandoc.Str(name .. ". " .. (div.attributes.title or "")) }) })
      local entry = pandoc.Blocks({ pandoc.Div({ head }, { id = id, class = "data-title" }) })
      entry:extend(div.content)
      moved:insert(pandoc.Div(entry, { class = "data-entry" }))
      return pandoc.Div({ pandoc.Para({ pandoc.Link(name, "#" .. id) }) }, { class = "data-reference" })
    end,
  })
  return doc:walk({
    Div = function(div)
      if div.identifier ~= "data-appendix" then return nil end
      div.content = moved
      return div
    end,
  })
end

local word_styles = { ["data-title"] = "Data Title", ["table-notes"] = "Table Notes", ["data-reference"] = "Table Notes" }

-- Small type in print; the Typst templates of both roads define `notes`.
local function small_notes(div)
  local class = div.classes:find_if(function(name) return word_styles[name] end)
  if not class then return nil end
  if FORMAT == "docx" then
    div.attributes["custom-style"] = word_styles[class]
    return div
  elseif FORMAT == "typst" and class ~= "data-title" then
    div.content:insert(1, pandoc.RawBlock("typst", "#notes["))
    div.content:insert(pandoc.RawBlock("typst", "]"))
    return div.content
  end
end

local longest = 10 -- rows of a table that is not torn: longer ones would leave half a page empty

-- Tables of numbers keep together with their heading in the PDF's appendix, unless they are long.
local function kept_together(div)
  if FORMAT ~= "typst" or not div.classes:includes("data-entry") then return nil end
  local rows = 0
  div:walk({ Table = function(found) for _, body in ipairs(found.bodies) do rows = rows + #body.body end end })
  if rows > longest then return nil end
  div.content:insert(1, pandoc.RawBlock("typst", "#block(breakable: false, above: 1.6em)["))
  div.content:insert(pandoc.RawBlock("typst", "]"))
  return div.content
end

return {
  {
    Pandoc = function(doc)
      if on_screen then
        return doc:walk({ Div = function(div)
          if div.classes:includes("data-table") then return folded(div) end
        end })
      elseif has_appendix(doc) then
        return move_to_appendix(doc)
      end
    end,
  },
  { Div = small_notes },
  { Div = kept_together },
}
