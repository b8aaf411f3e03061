"""The web systems of the demo shop, as their vendors document them: Shopify, Zendesk, Klaviyo and Smile.io, on a small HTTP server."""
