-- What Quarto's Word documents lack. Runs after Quarto's own filters, on what they have made.

if FORMAT ~= "docx" then return {} end

-- Quarto keeps a figure's alternative text in an attribute that the DOCX writer does not read; the
-- writer takes it from the image's own description.
local function alternative_text(image)
  local text = image.attributes["fig-alt"] or image.attributes["alt"]
  if text and #image.caption == 0 then
    image.caption = pandoc.Inlines(text)
    return image
  end
end

local function styled(name, block)
  return pandoc.Div({ block }, { ["custom-style"] = name })
end

-- Quarto's caption carries its style as raw XML, beside the one that the writer gives it.
local function caption(para)
  local first = para.t == "Para" and para.content[1]
  if not first or first.t ~= "RawInline" or not first.text:match("ImageCaption") then return nil end
  para.content:remove(1)
  return para
end

-- Quarto lays a figure or table into the one cell of another table, whose alignment is then written
-- to every cell inside as well: the numbers leave their columns' right edge.
local function unpacked(outer)
  local body = outer.bodies[1] and outer.bodies[1].body
  if #outer.colspecs ~= 1 or #outer.head.rows > 0 or not body or #body ~= 1 then return nil end
  local div = body[1].cells[1].contents[1]
  local kind = div and div.t == "Div" and div.identifier:match("^(%a+)%-")
  if kind ~= "fig" and kind ~= "tbl" then return nil end
  div.content = div.content:map(function(block)
    local text = caption(block)
    if text then return styled(kind == "fig" and "Image Caption" or "Table Caption", text) end
    if kind == "fig" then return styled("Captioned Figure", block) end
    return block
  end)
  return div
end

-- A paragraph's properties beside those that the writer gives it: Word's format allows only one.
local function second_properties(raw)
  if raw.format == "openxml" and raw.text:match("^%s*<w:pPr>") then return {} end
end

-- A chapter's number carries a dot here and nowhere else.
local function chapter_number(header)
  local dot = header.level == 1 and header.content[2]
  if not dot or dot.t ~= "Str" or dot.text ~= ". " then return nil end
  header.content[2] = pandoc.Space()
  return header
end

return {
  { Image = alternative_text, Header = chapter_number },
  { Table = unpacked },
  { RawInline = second_properties },
}
